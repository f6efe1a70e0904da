"""Validity of SMILES: is this, or can this still become, the SMILES of a molecule?"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from potentials.molecule.parse import MAX_LENGTH, bare, parse, readable
from smc.errors import SettingsError
from smc.potential import Boundary, Potential

_OUTSIDE, _ONE_DIGIT, _TWO_DIGITS, _BRACKET = range(4)

# Half symbols that partialsmiles misreads at the end of a prefix, and so are cut off: "[A" of
# "[As]", which it takes for an unknown element, and "%1" of "%12", which it takes for a ring bond
# that opens where %12 may be about to close.
_HALF_SYMBOL = re.compile(r"(?<=\[)[0-9]*[A-Za-z]$|%[0-9]?$")

# A final C or B may be the beginning of Cl or Br, to which partialsmiles allows more bonds.
_LONGER_SYMBOL = {"C": "l", "B": "r"}

# Rule 4 of partialsmiles forbids to end in a branch: "CC(C)". RDKit and OpenSMILES read it.
_IGNORED_RULES = 4


@dataclass(frozen=True)
class SMILESBoundary:
    """The end of a symbol of SMILES: an atom, a ring number, either parenthesis.

    Not a boundary: inside a bracket atom, inside `%nn`, after a bond, a dot or white space. After
    `C` and `B`, which may yet become `Cl` and `Br`, is one; `prefix` allows for both readings. The
    state is (where in a symbol, at a boundary).
    """

    def start(self) -> tuple[int, bool]:
        """Return the state of the empty text."""
        return _OUTSIDE, False

    def advance(self, state: tuple[int, bool], text: str) -> tuple[tuple[int, bool], bool]:
        """Read the text of one token."""
        where, at_boundary = state
        for char in text:
            if where == _BRACKET:
                at_boundary = char == "]"
                where = _OUTSIDE if at_boundary else _BRACKET
            elif where in (_ONE_DIGIT, _TWO_DIGITS):
                where -= 1
                at_boundary = where == _OUTSIDE
            elif char == "[":
                where, at_boundary = _BRACKET, False
            elif char == "%":
                where, at_boundary = _TWO_DIGITS, False
            else:
                at_boundary = char.isalnum() or char in "()*"
        return (where, at_boundary), at_boundary


class SMILESValidity(Potential):
    """Keeps a text the beginning, and in the end the whole, of a valid SMILES.

    Log weights are 0 or −inf. `prefix` asks `partialsmiles` whether syntax, valences, rings,
    branches and complete aromatic systems still allow a molecule. `complete` asks partialsmiles
    about the whole text, and RDKit to parse and sanitise it; both must agree, so that a prefix of
    −inf is never followed by a better one.

    Exactly one leading space is ignored. RDKit alone would also take radicals (`[CH2]`),
    five-valent nitrogen (`N(=O)=O`), metals, ring bonds across dots, ring numbers after branches,
    `:` bonds and atom classes; partialsmiles alone would also take aromatic atoms outside rings
    (`cc`) and odd valences of halogens (`CCl=C`). None of these has weight.

    Args:
        max_length: Characters, the leading space not counted, beyond which a text has no weight.
        boundary: When `prefix` is asked; None: after every token.

    Raises:
        SettingsError: `max_length` is not in 1..400.

    Example:
        >>> SMILESValidity().prefix(" C1CC"), SMILESValidity().complete(" C1CC")
        (0.0, -inf)
    """

    def __init__(
        self,
        *,
        max_length: int = MAX_LENGTH,
        boundary: Boundary[Any] | None = SMILESBoundary(),
    ) -> None:
        if not 1 <= max_length <= MAX_LENGTH:
            raise SettingsError(
                f"SMILESValidity: max_length is {max_length}; expected 1 to {MAX_LENGTH}, since "
                "the parsers recurse and longer texts are refused unread."
            )
        self.max_length = max_length
        self.boundary = boundary

    def prefix(self, text: str) -> float:
        """Return 0 if the text may still become a molecule, else −inf."""
        smiles = bare(text)
        if not readable(smiles, self.max_length):
            return -math.inf
        smiles = _HALF_SYMBOL.sub("", smiles)
        viable = not smiles or any(_parses(s, partial=True) for s in _readings(smiles))
        return 0.0 if viable else -math.inf

    def complete(self, text: str) -> float:
        """Return 0 if the text is a molecule to partialsmiles and to RDKit, else −inf."""
        smiles = bare(text)
        if not smiles or not readable(smiles, self.max_length):
            return -math.inf
        valid = _parses(smiles, partial=False) and parse(smiles) is not None
        return 0.0 if valid else -math.inf


@lru_cache(maxsize=1)
def smiles_grammar() -> str:
    """Return the Lark grammar of SMILES that comes with this package, for `Grammar`."""
    return resources.files("potentials").joinpath("smiles.lark").read_text(encoding="utf-8")


def _readings(smiles: str) -> Iterator[str]:
    """Yield the text, and what else its last symbol may become."""
    yield smiles
    if longer := _LONGER_SYMBOL.get(smiles[-1]):
        yield smiles + longer


def _parses(smiles: str, *, partial: bool) -> bool:
    """Whether partialsmiles takes the string; a candidate on which it breaks is refused too."""
    import partialsmiles

    try:
        partialsmiles.ParseSmiles(smiles, partial=partial, rulesToIgnore=_IGNORED_RULES)
    except (partialsmiles.Error, LookupError, ValueError, AttributeError, RecursionError):
        return False
    return True
