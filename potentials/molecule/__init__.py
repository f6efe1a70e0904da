"""Potentials for molecules written as SMILES.

All of them ignore exactly one leading space, because tokenizers write `" CCO"` after
`"Molecule:"`; any other white space makes a text invalid.
"""

from potentials.molecule.parse import bare, parse
from potentials.molecule.properties import (
    MoleculeProperty,
    logp,
    molecular_weight,
    qed,
    ring_count,
    similarity,
    smarts,
)
from potentials.molecule.validity import SMILESBoundary, SMILESValidity, smiles_grammar

__all__ = [
    "MoleculeProperty",
    "SMILESBoundary",
    "SMILESValidity",
    "bare",
    "logp",
    "molecular_weight",
    "parse",
    "qed",
    "ring_count",
    "similarity",
    "smarts",
    "smiles_grammar",
]
