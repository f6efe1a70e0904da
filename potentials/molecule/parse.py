"""Molecule cache: a text is parsed once, for the property potentials and the scores."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from smc.extras import Needed

if TYPE_CHECKING:
    from rdkit.Chem import Mol

MAX_LENGTH = 400
"""Characters of a SMILES beyond which it is refused unread. RDKit and partialsmiles recurse along
branches and rings, and some of their searches grow fast; molecules of interest are far shorter."""


def bare(text: str) -> str:
    """Return the text without its leading space, if it has one; only one is taken off."""
    return text[1:] if text.startswith(" ") else text


def readable(smiles: str, max_length: int = MAX_LENGTH) -> bool:
    """Whether a parser may see the string: short enough, printable ASCII, no white space.

    RDKit would read what follows white space as a name, and NUL as the end.
    """
    return len(smiles) <= max_length and all("!" <= c <= "~" for c in smiles)


@lru_cache(maxsize=8192)
def parse(smiles: str) -> Mol | None:
    """Return the sanitised molecule of a SMILES, or None where there is none.

    Sanitisation covers valence, kekulisation, aromaticity and ring perception. The empty string is
    no molecule. Molecules are shared between callers: do not change them.

    Args:
        smiles: Without surrounding white space (see `bare`).
    """
    with Needed("molecules"):
        from rdkit import Chem, rdBase

    if not smiles or not readable(smiles):
        return None
    options = Chem.SmilesParserParams()
    options.parseName = False
    options.allowCXSMILES = False
    with rdBase.BlockLogs():  # RDKit prints a line for every string that is no molecule
        try:
            return Chem.MolFromSmiles(smiles, options)
        except (ValueError, RuntimeError):  # how RDKit reports its failed invariants
            return None
