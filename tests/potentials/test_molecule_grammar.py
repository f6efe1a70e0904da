"""The SMILES grammar that comes with the package: what it takes, and as a mask what Lark takes."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from lark import Lark
from lark.exceptions import LarkError

from domains.gdb17.molecules import EXAMPLES
from potentials.grammar import Grammar
from potentials.molecule import SMILESValidity, smiles_grammar
from smc.potential import log_complete
from tests.potentials.test_molecule import VALID

ACCEPTED = """
C(=O)(O)C CC(C)(C) C(.C)C C.C C=1CCCC=1 C%12CC%12 C-1CC-1 [13C@@H](F)(Cl)Br [NH3+]CC [O-2] [Fe++]
C1(CC) c1ccccc1 F/C=C\\F C$C
""".split()
REFUSED = [
    *"( ) () C( C() (C)C =C C= C== C==C C1( C)( C(=)C C% C%1 %12 1CC1 C(1)C C(C)1 C%01CC%01".split()
]
REFUSED += [*"[ [] [C C] [Xx] [C+++] [0C] C:C * [*] [CH3:1] C[C@@@H] l r Q".split()]
REFUSED += ["", " ", "  C", "C ", "C C", "\tC", "C\n", "Ç"]


@pytest.fixture(scope="module")
def grammar() -> Grammar:
    return Grammar(smiles_grammar())


@pytest.fixture(scope="module")
def parser() -> Lark:
    return Lark(smiles_grammar(), parser="lalr")


def accepts(parser: Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except LarkError:
        return False
    return True


@pytest.mark.parametrize("smiles", [*VALID, *ACCEPTED, *EXAMPLES])
def test_accepted(grammar: Grammar, parser: Lark, smiles: str):
    for text in (smiles, " " + smiles):
        assert accepts(parser, text)
        assert log_complete(grammar, text) == 0.0


@pytest.mark.parametrize("text", REFUSED)
def test_refused(grammar: Grammar, parser: Lark, text: str):
    assert not accepts(parser, text)
    assert log_complete(grammar, text) == float("-inf")


def mutants(count: int, seed: int) -> Iterator[str]:
    """Molecules with one or two characters put in or taken out."""
    rng = random.Random(seed)
    for _ in range(count):
        text = list(rng.choice([*VALID, *EXAMPLES]))
        for _ in range(rng.randint(1, 2)):
            place = rng.randrange(len(text) + 1)
            if rng.random() < 0.5:
                text.insert(place, rng.choice("CNOcnlrBF()[]+-=#/@H0129%. "))
            elif place < len(text):
                del text[place]
        yield "".join(text)


def test_the_mask_engine_and_lark_agree(grammar: Grammar, parser: Lark):
    verdicts = [accepts(parser, text) for text in mutants(1500, seed=31)]
    assert 300 < sum(verdicts) < 1200
    for text, verdict in zip(mutants(1500, seed=31), verdicts, strict=True):
        assert (log_complete(grammar, text) == 0.0) == verdict, text


FAMILIES = [
    ["{}", "C{}", "C{}C", "C{}(C)C", "C{}(C)(C)C", "C{}(C)(C)(C)C"],
    ["c1cc{}1", "c1c{}ccc1", "C{}1cccc1", "C{}1ccccc1", "c1cc{}c1"],
]
"""Molecules around an atom, aliphatic and aromatic."""


def test_no_symbol_of_the_grammar_but_transition_metals_is_without_a_molecule():
    """What the grammar lets a particle begin, validity need not always refuse in the end."""
    symbols = {
        name: re.search(rf"^{name}: /(.*)/$", smiles_grammar(), re.MULTILINE)[1].split("|")
        for name in ("AROMATIC", "LIGHT", "METAL")
    }
    validity, dead = SMILESValidity(), set()
    for name, each in ((n, s) for n, own in symbols.items() for s in own):
        atoms = [f"[{each}{h}{c}]" for h in ("", "H", "H2", "H4") for c in ("", "+", "-", "+2")]
        family = FAMILIES[name == "AROMATIC"]
        if not any(validity.complete(m.format(a)) == 0.0 for a in atoms for m in family):
            dead.add(each)
    first = "Sc Ti V Cr Mn Fe Co Ni Cu Zn".split()
    second = "Y Zr Nb Mo Tc Ru Rh Pd Ag Cd".split()
    third = "La Hf Ta W Re Os Ir Pt Au Hg".split()
    assert dead == {*first, *second, *third}


def test_the_grammar_refuses_no_molecule_without_wildcards(parser: Lark):
    """What is valid is in the language, so the mask never takes away what validity would keep."""
    validity = SMILESValidity()
    valid = [t for t in mutants(3000, seed=32) if validity.complete(t) == 0.0]
    assert len(valid) > 100
    assert [t for t in valid if not accepts(parser, t)] == []
