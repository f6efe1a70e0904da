"""Scores of molecules: of one text at a time, and of a whole population.

White space around a text is ignored here, so that no method is judged by it. Valid means that
RDKit parses and sanitises the text.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations

from domains.base import checked_weights
from potentials.molecule import descriptors, parse


def qed(text: str) -> float:
    """Return the drug-likeness, 0 to 1; 0 where the text is no molecule."""
    molecule = parse(text.strip())
    return descriptors.qed(molecule) if molecule is not None else 0.0


def validity(text: str) -> float:
    """Return 1 if the text is a molecule, else 0."""
    return float(parse(text.strip()) is not None)


def molecular_weight(text: str) -> float | None:
    """Return the molecular weight in g/mol; None where the text is no molecule."""
    molecule = parse(text.strip())
    return descriptors.molecular_weight(molecule) if molecule is not None else None


def novelty(text: str, shown: Sequence[str]) -> float:
    """Return 1 if the text is a molecule that the prompt did not show, else 0.

    Molecules are compared by canonical SMILES, not as strings.
    """
    own = canonical(text)
    return float(own is not None and own not in {canonical(s) for s in shown})


@lru_cache(maxsize=8192)
def canonical(text: str) -> str | None:
    """Return RDKit's canonical SMILES, one string a molecule; None where there is none."""
    from rdkit import Chem

    molecule = parse(text.strip())
    return Chem.MolToSmiles(molecule) if molecule is not None else None


def uniqueness(texts: Sequence[str], weights: Sequence[float]) -> float | None:
    """Return distinct molecules / molecules, among the texts that have weight.

    Weights above 0 count alike. None where no text is a molecule.
    """
    checked_weights(texts, weights)
    canonicals = [canonical(t) for t, w in zip(texts, weights, strict=True) if w > 0]
    valid = [c for c in canonicals if c is not None]
    return len(set(valid)) / len(valid) if valid else None


def diversity(texts: Sequence[str], weights: Sequence[float]) -> float | None:
    """Return the mean Tanimoto distance of pairs of molecules, 0 to 1.

    Over all pairs of different positions, each weighted by the product of its weights: duplicates
    have distance 0 and count. Morgan fingerprints of radius 2 and 2048 bits. None where fewer than
    two texts with weight are molecules.
    """
    from rdkit import DataStructs

    checked_weights(texts, weights)
    kept = [
        (w, descriptors.morgan(m))
        for t, w in zip(texts, weights, strict=True)
        if w > 0 and (m := parse(t.strip())) is not None
    ]
    total = distance = 0.0
    for (w, a), (v, b) in combinations(kept, 2):
        total += w * v
        distance += w * v * (1.0 - DataStructs.TanimotoSimilarity(a, b))
    return distance / total if total > 0 else None
