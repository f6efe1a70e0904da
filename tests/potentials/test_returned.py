"""Functions that users give: what they may return, and what is refused with a message."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import smc
from potentials import returned
from potentials.molecule import MoleculeProperty
from potentials.reward_model import FunctionReward, Multiplicative, Telescoping
from smc.errors import PotentialError

NUMBERS = [
    (1, 1.0),
    (0.5, 0.5),
    (True, 1.0),
    (np.bool_(False), 0.0),
    (np.float32(0.5), 0.5),
    (np.int64(1), 1.0),
    (np.array(0.5), 0.5),
    (torch.tensor(0.5), 0.5),
    (torch.tensor(True), 1.0),
    (Fraction(1, 2), 0.5),
]
NO_NUMBERS = [None, "0.5", b"1", [0.5], (1,), {0.5: 1}, np.array([0.5]), 1j, np.complex128(1)]
NO_NUMBERS += [torch.tensor([0.5]), object(), np.array([0.5, 0.5]), 10**400, lambda: 0.5]
NO_NUMBERS += [[10**5000]]


@pytest.mark.parametrize(("value", "expected"), NUMBERS)
def test_real_numbers_of_any_kind_are_numbers(value, expected):
    assert returned.number(value, "f", "x") == expected
    assert MoleculeProperty(lambda _: value, weight=2.0).complete("C") == 2 * expected
    assert FunctionReward(lambda _, steps: [value]).scores("p", [("a",)]) == [(expected,)]


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_what_is_no_number_is_refused(value):
    with pytest.raises(PotentialError, match=r"f: returned .* at x; expected a number"):
        returned.number(value, "f", "x")
    with pytest.raises(PotentialError, match=r"mine: returned .* the molecule 'CO'"):
        MoleculeProperty(lambda _: value, "mine", between=(0, 1)).complete(" CO")
    with pytest.raises(PotentialError, match=r"reward function: returned .* for 1 steps"):
        FunctionReward(lambda _, steps: [value]).scores("p", [("a",)])


def test_a_truth_value_is_a_hard_constraint_as_one_or_zero():
    has_oxygen = MoleculeProperty(lambda m: np.bool_("O" in smiles(m)), between=(1, 1))
    assert has_oxygen.complete("CO") == 0.0 and has_oxygen.complete("CC") == -math.inf


def smiles(molecule) -> str:
    return "".join(atom.GetSymbol() for atom in molecule.GetAtoms())


@pytest.mark.parametrize("preference", [{"weight": 1.0}, {"between": (0, 1)}])
def test_nan_is_an_error_of_the_run_that_names_the_potential(preference):
    model = smc.load("domains/gdb17/model")
    mine = MoleculeProperty(lambda _: math.nan, "mine", **preference)
    with pytest.raises(PotentialError, match="mine"):
        smc.sample(model, "Molecule:", [mine], stop=("\n",), max_tokens=20, num_particles=4, seed=3)


def test_no_log_weight_is_infinite_but_that_of_what_is_forbidden():
    endless = MoleculeProperty(lambda _: math.inf, "endless", weight=1.0)
    with pytest.raises(PotentialError, match=r"endless: a log weight of 1\.0 · inf"):
        endless.complete("C")
    with pytest.raises(PotentialError, match=r"0\.0 · inf"):
        MoleculeProperty(lambda _: math.inf, weight=0.0).complete("C")
    assert MoleculeProperty(lambda _: math.inf, weight=-1.0).complete("C") == -math.inf
    assert MoleculeProperty(lambda _: math.inf, between=(0, math.inf)).complete("C") == 0.0


@pytest.mark.parametrize("value", [10**5000], ids=["long"])
def test_numbers_too_long_to_be_shown_are_refused_too(value):
    with pytest.raises(
        PotentialError, match="returned a value of type int that is too long to be shown at x"
    ):
        returned.number(value, "f", "x")


def test_text_that_reads_as_a_number_does_not_pass_for_a_molecule_without_one():
    """`float("many")` raises ValueError, as RDKit does where it cannot compute."""
    with pytest.raises(PotentialError, match="returned 'many'"):
        MoleculeProperty(lambda _: "many", weight=1.0).complete("C")


@pytest.mark.parametrize(
    "value",
    [[0.5, 1], (0.5, 1.0), np.array([0.5, 1.0]), torch.tensor([0.5, 1.0]), iter([0.5, True])],
)
def test_scores_are_any_ordered_numbers(value):
    assert FunctionReward(lambda *_: value).scores("p", [("a", "b")]) == [(0.5, 1.0)]


NO_SCORES = [None, 0.5, "01", b"\x00\x01", {0.5: 1, 0.6: 1}, {0.5, 0.6}, np.array(0.5), np.eye(2)]
NO_SCORES += [torch.tensor(0.5), [0.5], [0.5] * 3, [0.5, math.nan], [0.5, 1.5], [-0.1, 0.5]]


@pytest.mark.parametrize("value", [*NO_SCORES, [[0.5], [0.5]]])
def test_scores_of_another_shape_or_range_are_refused(value):
    with pytest.raises(PotentialError, match=r"reward function: returned .* for 2 steps"):
        FunctionReward(lambda *_: value).scores("p", [("a", "b")])


class Mine:
    """A reward of the user's own class."""

    passes = tokens = 0

    def __init__(self, value):
        self.value = value

    def scores(self, prompt, solutions):
        return self.value


@pytest.mark.parametrize("make", [Telescoping, Multiplicative])
@pytest.mark.parametrize("value", [[], [(0.5,)], [(0.5, math.nan)], [(0.5, None)], [(0.5, 2.0)]])
def test_rewards_of_the_users_own_are_checked(make, value):
    with pytest.raises(PotentialError, match="reward Mine: returned"):
        make(Mine(value), "p", mark="\n").complete("a\nb\n")


def test_a_question_that_is_no_text_is_refused(tmp_path):
    from potentials.reward_model import load_reward_model
    from tests.potentials import reward_models

    folder = str(reward_models.math_shepherd(tmp_path, "llama"))
    model = load_reward_model(folder, "math-shepherd", device="cpu", question=lambda _: None)
    with pytest.raises(PotentialError, match="question=: returned None at the prompt 'p'"):
        model.scores("p", [("a",)])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (True, 0.0),
        (np.bool_(False), -math.inf),
        (np.array(False), -math.inf),
        (torch.tensor(False), -math.inf),
        (torch.tensor(True), 0.0),
        (torch.tensor(-2.0), -2.0),
        (np.float64(-3), -3.0),
        (-math.inf, -math.inf),
    ],
)
def test_truth_values_and_numbers_are_log_weights(value, expected):
    assert returned.log_weight(value, "f", "x") == expected


@pytest.mark.parametrize("value", ["1", b"1", None, [1.0], math.nan, math.inf, 10**400])
def test_what_is_no_log_weight_is_refused(value):
    with pytest.raises(PotentialError, match=r"f: returned .* at x; expected True, False or a log"):
        returned.log_weight(value, "f", "x")
