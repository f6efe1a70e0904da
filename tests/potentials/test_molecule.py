"""Validity of SMILES: the law, traps of the parsers, hostile texts, boundaries."""

from __future__ import annotations

import csv
import gzip
import math
import random
from pathlib import Path

import partialsmiles
import pytest
from rdkit import Chem

import smc
from potentials.molecule import SMILESBoundary, SMILESValidity, parse, qed
from smc.errors import SettingsError

DEAD = -math.inf
VALIDITY = SMILESValidity()

# Every construct on which a prefix may be misjudged: symbols of two letters, ring numbers of two
# digits and reused ones, brackets, charges, isotopes, chirality, aromatic systems that are fused,
# charged or joined, triple bonds, bond symbols before ring numbers, nested and final branches.
VALID = """
C O CCO C=C C#N [H][H] [2H]C ClCCl BrCBr BrC(Br)(Br)Br ClC(Cl)(Cl)Cl FC(F)(F)C(Cl)Br CI B BrB(Br)Br
C1CC1 C1CC1C1CC1 C12CC1C2 C%12CC%12 C%10CC%10C C%12CCC%12%11CC%11 N=%10CCC%10 C1CC=1 C=1CCCC=1
C12(C)CCC(C1)C2 CC1(C)C2CCC1(C)C(=O)C2 C1C2CC3CC1CC(C2)C3 CC(C) CC(C)(C) C(C)(C)(C)C
C(C(C(C(C)C)C)C)C CC(C(N(C)C)=O)=C [NH4+] C[N+](C)(C)C [O-][N+](=O)C CC(=O)[O-] [13CH4] [Na+]
[Cl-] [Na+].[Cl-] C[C@H](N)C(=O)O C[C@@H](N)C(O)=O C/C=C/C C/C=C\\C F/C=C\\1CCO1 c1ccccc1 c1ccsc1
c1cc[nH]c1 c1ccncc1 c1ccc2ccccc2c1 c1ccc2[nH]ccc2c1 c1ccc(cc1)c1ccccc1 c1ccc(-c2ccccc2)cc1
c1ccc2c(c1)ccc1ccccc12 Cn1cnc2c1c(=O)n(C)c(=O)n2C O=c1cc[nH]cc1 c1c[se]cc1 c1c[te]cc1
C[n+]1ccccc1 [O-][n+]1ccccc1 c1cc[o+]cc1 n1nn[n-]n1 C[As](C)C C[Se]C C[Si](C)(C)C OP(=O)(O)O
CS(=O)(=O)C FS(F)(F)(F)(F)F CS(C)=O OB(O)c1ccccc1 C[B-](F)(F)F CN=[N+]=[N-] C[P+](C)(C)C
CC(=O)Oc1ccccc1C(=O)O Clc1ccc(Br)cc1 CC(C)(C)c1ccc(O)cc1 C[as]1cccc1 c1c[as]ccc1 c1cc[asH]c1
c1cc[75as]cc1 C[as+]1ccccc1 CN(C)[O] C[Sn](C)(C)C C$C
""".split()

# Text, and why it is no molecule. The first six die only at the end.
INVALID = {
    "": "empty",
    "C1CC": "open ring",
    "CC(": "open branch",
    "cc": "aromatic outside a ring: RDKit",
    "CCl=C": "two-bonded chlorine: RDKit",
    "c1cccc1": "no Kekulé structure, but c1cccc1=O is to be hoped for",
    "C(C)(C)(C)(C)C": "five bonds",
    "C#C=C": "five bonds",
    "F=F": "fluorine with two bonds",
    "C)C": "unopened branch",
    "C()C": "empty branch",
    "C==C": "two bonds in a row",
    "C11": "ring to itself",
    "C12CC12": "second bond of a pair",
    "=C": "bond first",
    "(C)C": "branch first",
    "1CC1": "ring number first",
    "C.(C)": "branch after a dot",
    "[]": "empty bracket",
    "[Xx]": "no element",
    "CCO ethanol": "white space",
    "  C": "two spaces",
    "C ": "trailing space",
    "C\n": "newline",
    "\tC": "tab",
    "C\x00C": "NUL",
    "C²": "a digit to str.isdigit, but not to int",
    "Ç": "not ASCII",
    "hello": "words",
}

# One tool takes it, the other does not; documented in SMILESValidity. No weight in any case.
ONLY_RDKIT = "[CH2] CN(=O)=O [Fe] C1.C1 C(C)1CC1 c1:c:c:c:c:c:1 [CH3:1]C".split()
ONLY_RDKIT += "[H] C[O] C=I CIO [C+2] [O-][Cl+3]([O-])([O-])[O-] [Zn+2] [Y] [Hg] [Ac] [U]".split()
ONLY_RDKIT += r"C/1CC=1 C(C.C)C c\1ccsc1 c1ccc2[nH]c\cc2c1 C:C C~C N->B B<-N [1000CH4] [#6]".split()
ONLY_RDKIT += "[C@TH1H](F)(Cl)Br C%(100)CC%(100)".split()
ONLY_PARTIALSMILES = "cc co CCl=C C#Cl FBr(F)F C%01CC%01 C>>C".split()


def prefixes(text: str) -> list[str]:
    return [text[:i] for i in range(len(text) + 1)]


def random_smiles(rng: random.Random, depth: int = 0) -> str:
    """A string near enough to SMILES that some are molecules and most are not."""
    elements = "H B C N O F Si P S Cl As Se Br Te I Sn Na se te as c n o s p".split()
    charges = ["", "", "", "+", "-", "++", "-2"]
    parts = []
    for i in range(rng.randint(1, 6 if depth == 0 else 3)):
        if i and rng.random() < 0.4:
            parts.append(rng.choice("= = # - / \\ $ .".split()))
        if rng.random() < 0.85:
            parts.append(rng.choice("C C C C C N O c c n S P B F Cl Br I".split()))
        else:
            hydrogens = rng.choice(["", "", "H", "H2"])
            isotope = rng.choice(["", "", "13"])
            parts.append(f"[{isotope}{rng.choice(elements)}{hydrogens}{rng.choice(charges)}]")
        while rng.random() < 0.3:
            parts.append(rng.choice(["", "", "="]) + rng.choice("1 1 2 %10 %11".split()))
        while depth < 2 and rng.random() < 0.2:
            branch = random_smiles(rng, depth + 1)
            parts.append(f"({rng.choice(['', '', '='])}{branch})")
    return "".join(parts)


@pytest.mark.parametrize("smiles", VALID)
def test_a_molecule_and_all_its_beginnings_have_weight(smiles: str):
    for text in (smiles, " " + smiles):
        assert VALIDITY.complete(text) == 0.0
        assert [p for p in prefixes(text) if VALIDITY.prefix(p) != 0.0] == []


def test_other_spellings_of_the_molecules_too():
    for smiles in VALID:
        molecule = Chem.MolFromSmiles(smiles)
        assert molecule is not None
        for spelling in Chem.MolToRandomSmilesVect(molecule, 5, randomSeed=11):
            assert VALIDITY.complete(spelling) == 0.0, spelling
            assert [p for p in prefixes(spelling) if VALIDITY.prefix(p) != 0.0] == []


@pytest.mark.parametrize("text", INVALID, ids=INVALID.values())
def test_what_is_no_molecule_has_no_weight(text: str):
    assert VALIDITY.complete(text) == DEAD


def test_the_prefix_sees_what_can_be_seen():
    alive = [t for t in INVALID if VALIDITY.prefix(t) == 0.0]
    assert alive == list(INVALID)[:6]


def test_a_dead_prefix_stays_dead():
    rng = random.Random(20)
    molecules = 0
    for _ in range(1000):
        text = random_smiles(rng)
        weights = [VALIDITY.prefix(p) for p in prefixes(text)] + [VALIDITY.complete(text)]
        deaths = [w == DEAD for w in weights]
        assert deaths == sorted(deaths), text
        molecules += not deaths[-1]
    assert molecules > 40  # or the generator tests nothing


@pytest.mark.parametrize(
    ("half", "whole"), [("C[A", "C[As](C)C"), ("C$B", "C$Br"), ("C[t", "C[te]")]
)
def test_traps_of_partialsmiles_are_real(half: str, whole: str):
    """If this fails, partialsmiles has mended it and a workaround can go."""
    partialsmiles.ParseSmiles(whole, partial=True)
    with pytest.raises(partialsmiles.Error):
        partialsmiles.ParseSmiles(half, partial=True)
    assert VALIDITY.prefix(half) == 0.0


@pytest.mark.parametrize("smiles", ONLY_RDKIT)
def test_stricter_than_rdkit(smiles: str):
    assert parse(smiles) is not None
    assert VALIDITY.complete(smiles) == DEAD


@pytest.mark.parametrize("smiles", ONLY_PARTIALSMILES)
def test_stricter_than_partialsmiles(smiles: str):
    partialsmiles.ParseSmiles(smiles, partial=False)
    assert parse(smiles) is None
    assert VALIDITY.complete(smiles) == DEAD


def test_hostile_texts_are_only_worthless(capfd: pytest.CaptureFixture[str]):
    rng = random.Random(21)
    alphabet = "CNOcnosp()=#123456789%[]+-H@/.BrClFI\\*$:"
    hostile = [
        "(" * 10_000,
        "C(" * 200,
        "C(" * 100_000,
        "[" * 400,
        "[" + "9" * 399,
        "[C" + "+" * 398,
        "C" + "".join(f"%{i}" for i in range(10, 100)),
        "c1" * 200,
        "\udcff",
        *("".join(rng.choices(alphabet, k=400)) for _ in range(200)),
        *("c" + "".join(rng.choices(["c", "c1", "c2", "n", "c%11"], k=150)) for _ in range(50)),
    ]
    for text in hostile:
        assert VALIDITY.prefix(text) in (0.0, DEAD)
        assert VALIDITY.complete(text) == DEAD
        assert qed(weight=1.0).complete(text) == DEAD
    assert capfd.readouterr() == ("", "")  # RDKit's complaints are silenced


def test_length_is_capped():
    short = SMILESValidity(max_length=3)
    assert (short.complete(" CCC"), short.complete("CCCC"), short.prefix("CCCC")) == (0, DEAD, DEAD)
    assert VALIDITY.complete("C" * 400) == 0.0
    assert VALIDITY.complete("C" * 401) == VALIDITY.prefix("C" * 401) == DEAD
    for length in (0, 401):
        with pytest.raises(SettingsError, match="max_length"):
            SMILESValidity(max_length=length)


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        (" CCl", " [C] [C] [l]"),
        ("C(=O)", "[C] [(] = [O] [)]"),
        ("[13CH4]C", "[ 1 3 C H 4 []] [C]"),
        ("C%12C1=", "[C] % 1 [2] [C] [1] ="),
        ("C/C.C", "[C] / [C] . [C]"),
    ],
)
def test_boundaries(text: str, marked: str):
    boundary = SMILESBoundary()
    state, at_boundary, seen = boundary.start(), False, []
    for char in text:
        state, at_boundary = boundary.advance(state, char)
        seen.append(f"[{char}]" if at_boundary else char)
    assert " ".join(seen).split() == marked.split()
    # The same, however the text is split into tokens.
    assert boundary.advance(boundary.start(), text) == (state, at_boundary)
    assert boundary.advance(state, "") == (state, at_boundary)


def test_boundaries_do_not_change_what_is_sampled():
    """Uniform characters, steered: what has weight is a molecule."""
    probs = {" C": 0.3, "O": 0.1, "=": 0.1, "1": 0.15, "(": 0.1, ")": 0.1}
    model = smc.TableModel.constant(probs, eos=0.15)
    for boundary in (SMILESBoundary(), None):
        validity = SMILESValidity(boundary=boundary)
        posterior = smc.sample(
            model, "O", [validity], num_particles=300, max_tokens=4, at_max_tokens="end",
            ess_threshold=0.5, seed=5,
        )  # fmt: skip
        texts = {t for t, p in posterior.probabilities().items() if p > 0}
        assert texts
        assert all(validity.complete(t) == 0.0 for t in texts)
        assert {" C", "O", "O=O", " CO"} <= texts


def sample_lines(file: Path, rng: random.Random, count: int) -> list[str]:
    if file.suffix == ".gz":
        with gzip.open(file, "rt") as lines:
            molecules = [line.split()[0] for line in lines]
    else:
        with file.open(newline="") as lines:
            molecules = [row[0] for row in csv.reader(lines) if row and row[0] != "smiles"]
    return rng.sample(molecules, count)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "refused"),
    [
        ("gdb17/GDB17_uniform_600k.smi.gz", 0),
        ("smiles/qm9.csv", 1),  # five-valent nitrogens
        ("smiles/zinc_100k_24heavy.csv", 0),
        ("smiles/PubChemQC_9880.smi", 0),
    ],
)
def test_molecules_of_the_data_sets(data_dir: Path, name: str, refused: int):
    file = data_dir / name
    if not file.is_file():
        pytest.skip(f"no {name} under SMC_DATA")
    dead = []
    for smiles in sample_lines(file, random.Random(22), 400):
        if VALIDITY.complete(" " + smiles) == DEAD:
            dead.append(smiles)
            continue
        assert [p for p in prefixes(smiles) if VALIDITY.prefix(p) == DEAD] == []
    assert len(dead) <= refused, dead
