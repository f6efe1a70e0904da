"""Property potentials of molecules: soft, hard, together, and their errors."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable

import pytest
from rdkit import Chem

import smc
from potentials.molecule import (
    MoleculeProperty,
    logp,
    molecular_weight,
    qed,
    ring_count,
    similarity,
    smarts,
)
from smc.errors import SettingsError

DEAD = -math.inf

PROPERTIES: list[tuple[Callable[..., MoleculeProperty], str, float]] = [
    (qed, "CC(=O)Oc1ccccc1C(=O)O", 0.5501),  # RDKit's documented value is 0.55
    (molecular_weight, "O", 18.015),
    (molecular_weight, "CCO", 46.069),
    (logp, "C", 0.6361),  # the contribution of CH4 in Wildman and Crippen's table
    (ring_count, "C1CC1C1CC1", 2.0),
    (ring_count, "C1C2CC3CC1CC(C2)C3", 4.0),  # adamantane: RDKit keeps the equivalent fourth ring
]


@pytest.mark.parametrize(("make", "smiles", "value"), PROPERTIES)
def test_property_soft_and_hard(make: Callable[..., MoleculeProperty], smiles: str, value: float):
    close = pytest.approx
    assert make(weight=-2.0).complete(" " + smiles) == close(-2.0 * value, abs=1e-3)
    soft = make(target=value - 1, scale=2.0)
    assert soft.complete(smiles) == close(-0.125, abs=1e-3)
    assert make(between=(value - 0.01, value + 0.01)).complete(smiles) == 0.0
    assert make(between=(value + 0.01, math.inf)).complete(smiles) == DEAD
    for potential in (make(weight=1.0), soft):
        assert potential.complete(smiles + "(") == DEAD
        assert potential.prefix("no molecule at all") == 0.0


def test_substructures():
    acid, phenol = "CC(=O)O", "Oc1ccccc1"
    pattern = "C(=O)[OH]"
    assert smarts(pattern).complete(acid) == smarts(pattern, present=False).complete(phenol) == 0.0
    assert smarts(pattern).complete(phenol) == smarts(pattern, present=False).complete(acid) == DEAD
    assert smarts(pattern, weight=3.0).complete(acid) == 3.0
    assert smarts(pattern, weight=3.0).complete(phenol) == 0.0
    assert smarts(pattern, present=False, weight=3.0).complete(phenol) == 3.0
    assert smarts(pattern, present=False).complete("C(") == DEAD


def test_similarity():
    near = similarity("CCO", weight=1.0)
    assert near.complete(" OCC") == 1.0
    assert 0.0 < near.complete("CCCO") < 1.0
    assert near.complete("c1ccccc1") == 0.0
    assert pickle.loads(pickle.dumps(near)).complete("CCO") == 1.0


def test_properties_work_together():
    both = smc.product(qed(weight=5.0), ring_count(between=(1, 2)), smarts("N", present=False))
    assert both.complete("c1ccccc1") == pytest.approx(qed(weight=5.0).complete("c1ccccc1"))
    assert both.complete("c1ccncc1") == pytest.approx(qed(weight=5.0).complete("c1ccncc1"))
    assert both.complete("C1CCNC1") == both.complete("CCO") == DEAD
    assert both.prefix("C1CCN") == 0.0


def test_the_laws_of_a_potential():
    for potential in (qed(weight=2.0), ring_count(between=(1, 2)), similarity("CCO", weight=1.0)):
        smc.check_potential(potential, ["C1CC1", " CCO", "CC(", "c1ccccc1O"])


def test_a_descriptor_of_ones_own():
    def carbons(molecule: Chem.Mol) -> float:
        return sum(a.GetSymbol() == "C" for a in molecule.GetAtoms())

    assert MoleculeProperty(carbons, "carbons", weight=1.0).complete("CCO") == 2.0
    assert MoleculeProperty(carbons, "carbons", weight=1.0).name == "carbons"

    def failing(molecule: Chem.Mol) -> float:
        raise ValueError("RDKit gives up")

    assert MoleculeProperty(failing, weight=1.0).complete("C") == DEAD

    def broken(molecule: Chem.Mol) -> float:
        return molecule.NoSuchMethod()

    with pytest.raises(AttributeError):  # a mistake in the descriptor is not a bad molecule
        MoleculeProperty(broken, weight=1.0).complete("C")
    assert math.isnan(MoleculeProperty(lambda m: math.nan, between=(0, 1)).complete("C"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qed(), "exactly one"),
        (lambda: qed(weight=1.0, between=(0, 1)), "weight and between"),
        (lambda: qed(weight=math.inf), "finite"),
        (lambda: logp(between=(2.0, 1.0)), "low <= high"),
        (lambda: logp(between=(math.nan, 1.0)), "low <= high"),
        (lambda: logp(target=1.0), "expected both"),
        (lambda: logp(weight=1.0, scale=1.0), "expected both"),
        (lambda: logp(target=1.0, scale=0.0), "above 0"),
        (lambda: smarts("C(("), "SMARTS"),
        (lambda: smarts(""), "SMARTS"),
        (lambda: similarity("C((", weight=1.0), "not a valid SMILES"),
        (lambda: similarity("", weight=1.0), "not a valid SMILES"),
        (lambda: similarity("C", weight=1.0, bits=0), "bits"),
        (lambda: similarity("C", weight=1.0, radius=-1), "radius"),
    ],
)
def test_bad_arguments_teach(make: Callable[[], MoleculeProperty], message: str):
    with pytest.raises(SettingsError, match=message):
        make()
