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
from smc.extras import require
from smc.potential import Boundary, Potential

_OUTSIDE, _ONE_DIGIT, _TWO_DIGITS, _BRACKET = range(4)

# Half symbols that partialsmiles misreads at the end of a prefix, and so are cut off: "[A" of
# "[As]", which it takes for an unknown element, and "%1" of "%12", which it takes for a ring bond
# that opens where %12 may be about to close.
_HALF_SYMBOL = re.compile(r"(?<=\[)[0-9]*[A-Za-z]$|%[0-9]?$")

# A final C or B may be the beginning of Cl or Br, to which partialsmiles allows more bonds.
_LONGER_SYMBOL = {"C": "l", "B": "r"}

# partialsmiles knows no aromatic arsenic, but what it asks of an atom in an aromatic system (its
# valences at each charge, whether it needs a double bond) is the same for arsenic and phosphorus.
_AROMATIC_ARSENIC = re.compile(r"(?<=\[)([0-9]*)as")

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
    r"""Keeps a text the beginning, and in the end the whole, of a valid SMILES.

    Log weights are 0 or −inf. `prefix` asks `partialsmiles` whether syntax, valences, rings,
    branches and complete aromatic systems still allow a molecule. `complete` asks partialsmiles
    about the whole text, and RDKit to parse and sanitise it; both must agree, so that a prefix of
    −inf is never followed by a better one.

    Exactly one leading space is ignored. None of the following has weight, though RDKit alone
    would take it:

    - radicals (`[CH2]`, `[H]`) but for nitroxyls (`CN(C)[O]`); a valence or charge that is
      uncommon for its element (`CN(=O)=O`, `C=I`, `CIO`, `[C+2]`, `[O-][Cl+3]([O-])([O-])[O-]`);
      elements of which none is common: scandium to zinc, yttrium to cadmium, lanthanum to
      mercury, actinium and beyond, ions of them included (`[Zn+2]`);
    - a ring number that closes across a dot (`C1.CC1`), that stands after a branch (`C(C)1CC1`),
      or has different bonds at its two ends (`C/1CC=1`); a dot inside a branch (`C(C.C)C`);
    - a bond `/` or `\` in an aromatic ring (`c\1ccsc1`);
    - the bonds `:`, `~`, `->` and `<-`, atom classes (`[CH3:1]`), chirality beyond `@` and `@@`,
      isotopes of four digits, atomic numbers (`[#6]`), and ring numbers such as `%(100)`.

    Nor has what partialsmiles alone would take: aromatic atoms outside rings (`cc`), odd valences
    of halogens (`CCl=C`, `FBr(F)F`), ring numbers such as `%01`, and reactions (`C>>C`).

    Args:
        max_length: Characters, the leading space not counted, beyond which a text has no weight.
        boundary: When `prefix` is asked; None: after every token.

    Raises:
        SettingsError: `max_length` is not in 1..400.
        MissingExtraError: partialsmiles or RDKit is not installed.

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
        require("SMILESValidity", "partialsmiles", "rdkit")
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
        known = _AROMATIC_ARSENIC.sub(r"\1p", smiles)
        partialsmiles.ParseSmiles(known, partial=partial, rulesToIgnore=_IGNORED_RULES)
    except (partialsmiles.Error, LookupError, ValueError, AttributeError, RecursionError):
        return False
    return True
