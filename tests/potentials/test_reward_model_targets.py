"""The two modes of a reward model as a potential, against enumeration.

In the small world of `tests.exact` a step ends with "b". The scores are an arbitrary function of
the steps; the targets are worked out here from the formulas of the papers.
"""

from __future__ import annotations

import math

import numpy as np
import pytest

import smc
from potentials.reward_model import FunctionReward, Multiplicative, Telescoping
from smc.engine import Problem, run
from smc.errors import SettingsError
from smc.settings import Settings
from tests.exact import MAX_TOKENS, MODEL, estimates, target, z_scores

Z = 4.0
RUNS = 1200
MARK = "b"


def score(steps: tuple[str, ...]) -> float:
    """Of the last step given those before it: anything in (0, 1) that is uneven."""
    text = "|".join(steps)
    return 0.1 + 0.8 * ((7 * text.count("a") + 3 * len(text) + len(steps)) % 11) / 11


def reward() -> FunctionReward:
    return FunctionReward(lambda p, steps: [score(steps[: k + 1]) for k in range(len(steps))])


def steps_of(text: str) -> tuple[str, ...]:
    parts = text.split(MARK)
    whole = tuple(part + MARK for part in parts[:-1])
    return (*whole, parts[-1]) if parts[-1] else whole


def aggregated(steps: tuple[str, ...], how: str) -> float:
    scores = [score(steps[: k + 1]) for k in range(len(steps))]
    return {
        "last": lambda: scores[-1],
        "min": lambda: min(scores),
        "mean": lambda: sum(scores) / len(scores),
        "product": lambda: float(np.prod(scores)),
        "whole": lambda: score(("".join(steps),)),
    }[how]()


def telescoping(text: str, how: str, power: float) -> float:
    steps = steps_of(text)
    return aggregated(steps, how) ** power if steps else 1.0


def multiplicative(text: str, how: str, temperature: float) -> float:
    steps, weight = steps_of(text), 1.0
    for end in range(1, len(steps) + 1):
        r = aggregated(steps[:end], how)
        weight *= (r / (1 - r)) ** (1 / temperature)
    return weight


TEXTS = sorted(
    {
        b"".join(MODEL.vocabulary.tokens[i] or b"" for i in ids[:-1]).decode()
        for ids, _ in MODEL.enumerate(MAX_TOKENS)
    }
)


@pytest.mark.parametrize("how", ["last", "min", "mean", "product", "whole"])
def test_the_targets_are_those_of_the_formulas(how):
    psi = Telescoping(reward(), "", mark=MARK, aggregate=how, power=1.5)
    puri = Multiplicative(reward(), "", mark=MARK, aggregate=how, temperature=2.0)
    found = np.exp([psi.batch_complete(TEXTS), puri.batch_complete(TEXTS)])
    assert found[0] == pytest.approx([telescoping(t, how, 1.5) for t in TEXTS])
    assert found[1] == pytest.approx([multiplicative(t, how, 2.0) for t in TEXTS])
    assert not np.allclose(found[0], found[1])
    # What is not finished does not count yet, and at a mark prefix and complete agree.
    assert psi.prefix("aba") == psi.prefix("ab") == psi.complete("ab")
    assert puri.prefix("abba") == puri.complete("abb")
    assert psi.prefix("a") == puri.prefix("") == 0.0


def worst_z(potential, seed: int, **changes) -> float:
    """Return the largest |z| over Ẑ and all texts that are hit often enough to be normal."""
    fixed = {"num_particles": 4, "max_tokens": MAX_TOKENS, "at_max_tokens": "end"}
    chosen = Settings(**(fixed | changes))
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(RUNS)]
    posteriors = run(MODEL, [Problem("", [potential], rng) for rng in rngs], chosen)
    gamma = target([potential])
    found = estimates(iter(posteriors), list(gamma))
    exact = np.array(list(gamma.values()))
    often = (found > 0).sum(axis=0) >= 25
    assert often.sum() >= 6

    def grouped(rows: np.ndarray) -> np.ndarray:
        return np.concatenate([rows[..., often], rows.sum(-1, keepdims=True)], -1)

    return float(np.abs(z_scores(grouped(found), grouped(exact))).max())


@pytest.mark.parametrize("mode", [Telescoping, Multiplicative])
@pytest.mark.parametrize(("how", "threshold"), [("last", 1.0), ("mean", 0.5)])
def test_particles_are_drawn_from_the_target(mode, how, threshold):
    """For every text: E[Ẑ Σᵢ Wⁱ 1{xⁱ = s}] = γ(s). Seed fixed before the first look."""
    potential = mode(reward(), "", mark=MARK, aggregate=how)
    assert worst_z(potential, seed=60_261, ess_threshold=threshold) < Z


def test_puris_schedule_has_the_same_target():
    """Resampling after every step, and only there, by multinomial draws."""
    potential = Multiplicative(reward(), "", mark=MARK)
    schedule = {"resampling": "multinomial", "resample_at": potential.boundary}
    assert worst_z(potential, seed=60_262, ess_threshold=1.0, **schedule) < Z


def test_control_the_two_modes_have_different_targets():
    """Particles drawn for one mode fail the check of the other."""

    class Mixed(Telescoping):
        """Steers and ends as Multiplicative, and says that its target is ψ."""

        calls = 0

        def batch_complete(self, texts):
            return self._other.batch_complete(texts)

        def complete(self, text):  # what the enumeration asks
            return super().batch_complete([text])[0]

    mixed = Mixed(reward(), "", mark=MARK)
    mixed._other = Multiplicative(reward(), "", mark=MARK)
    assert worst_z(mixed, seed=60_263, ess_threshold=1.0) > 2 * Z


def test_a_batch_of_particles_is_one_call():
    sizes = []

    class Counted(FunctionReward):
        def scores(self, prompt, solutions):
            sizes.append(len(solutions))
            return super().scores(prompt, solutions)

    judge = Counted(lambda p, steps: [score(steps[: k + 1]) for k in range(len(steps))])
    smc.sample(
        MODEL, "", [Telescoping(judge, "", mark=MARK)], num_particles=16, max_tokens=4, seed=1
    )
    assert max(sizes) > 2 and len(sizes) <= 9  # a prefix and a completion a token at most


@pytest.mark.parametrize("mode", [Telescoping, Multiplicative])
def test_laws_of_potentials(mode):
    potential = mode(reward(), "", mark=MARK)
    smc.check_potential(potential, ["", "ab", "abab", "aabba"])


def test_a_score_of_zero():
    nothing = FunctionReward(lambda p, steps: [0.0] * len(steps))
    assert Telescoping(nothing, "", aggregate="min", floor=0).complete("x") == -math.inf
    assert Telescoping(nothing, "").complete("x") == pytest.approx(math.log(1e-6))
    certain = FunctionReward(lambda p, steps: [1.0] * len(steps))
    assert math.isfinite(Multiplicative(certain, "").complete("x"))


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        (Telescoping, {"floor": 0.0}),
        (Telescoping, {"floor": 0.7}),
        (Telescoping, {"power": 0.0}),
        (Telescoping, {"aggregate": "median"}),
        (Telescoping, {"mark": ""}),
        (Multiplicative, {"floor": 0.0}),
        (Multiplicative, {"temperature": math.inf}),
    ],
    ids=str,
)
def test_bad_arguments(mode, options):
    with pytest.raises(SettingsError, match=r"reward model|boundary"):
        mode(reward(), "", **options)
