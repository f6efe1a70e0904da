"""Reward models as potentials of the token engine, in two modes with different targets.

Let r₁, …, r_T be the scores of a solution's steps and a(r₁, …, r_t) their aggregate.

*Telescoping*: ψ(x) = a(r₁, …, r_T)^power. A step multiplies a particle's weight by the new value
over the last one, so what remains at the end is p(x) · ψ(x): the steps before only steer.

*Multiplicative* (Puri et al. 2025, arXiv:2502.01618): ∏ₜ [aₜ / (1 − aₜ)]^(1/temperature). A step
multiplies the weight by its own odds, softmax over the logits of the scores, and nothing is divided
out, so every step counts in the target, and long solutions count more often.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from potentials import returned
from potentials.boundaries import steps as after
from potentials.reward_model.texts import split_steps
from smc.errors import PotentialError, SettingsError
from smc.model import Prompt
from smc.potential import Potential
from smc.steps import Solution, StepScorer
from smc.strategies.aggregate import AGGREGATES, Aggregate
from smc.strategies.aggregate import aggregate as aggregate_of

_MONOTONE = ("min", "product")


class _Rewarded(Potential):
    """What both modes share: from texts to the scores of their steps, one batch for all."""

    def __init__(
        self, reward: StepScorer, prompt: Prompt, *, mark: str, how: Aggregate, floor: float
    ) -> None:
        if how not in AGGREGATES:
            raise SettingsError(
                f"reward model: aggregate {how!r}; expected one of {', '.join(AGGREGATES)}."
            )
        if not 0 <= floor < 0.5:
            raise SettingsError(f"reward model: floor {floor}; expected at least 0 and below 0.5.")
        self._reward, self._prompt, self._floor = reward, prompt, floor
        self._how: Aggregate = how
        self.mark = mark
        self.boundary = after(mark)

    def prefix(self, text: str) -> float:
        """Return log φ: of the steps that are finished."""
        return self.batch_prefix([text])[0]

    def complete(self, text: str) -> float:
        """Return log Φ: of all steps; what stands behind the last mark is one, unless blank."""
        return self.batch_complete([text])[0]

    def batch_prefix(self, texts: Sequence[str]) -> list[float]:
        """`prefix` of several texts, which the reward model judges together."""
        return self._log_values([split_steps(text, self.mark)[0] for text in texts])

    def batch_complete(self, texts: Sequence[str]) -> list[float]:
        """`complete` of several texts, which the reward model judges together."""
        parts = [split_steps(text, self.mark) for text in texts]
        return self._log_values([(*s, rest) if rest.strip() else s for s, rest in parts])

    def _log_values(self, solutions: Sequence[Solution]) -> list[float]:
        raise NotImplementedError

    def _scores(self, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        if self._how == "whole":
            solutions = [("".join(s),) if s else () for s in solutions]
        rows = list(self._reward.scores(self._prompt, solutions))
        what = f"reward {type(self._reward).__name__}"
        if len(rows) != len(solutions):
            raise PotentialError(
                f"{what}: returned scores of {len(rows)} solutions for {len(solutions)}; expected "
                "a tuple of scores for each."
            )
        return [
            returned.scores(row, len(steps), what, f"the steps {steps!r}")
            for row, steps in zip(rows, solutions, strict=True)
        ]


class Telescoping(_Rewarded):
    """ψ = a(r₁, …, r_T)^power: the target is p(x) · ψ(x).

    Args:
        reward: Judges steps.
        prompt: What the solutions are of; the potential is for this prompt alone.
        mark: Ends a step.
        aggregate: Of the steps' scores.
        power: Above 0; larger ones trust the reward more.
        floor: Scores below it count as it, so that a bad step can be made good again. 0 only with
            `min` and `product`, where it cannot.

    Raises:
        SettingsError: An argument is out of its range.
    """

    def __init__(
        self,
        reward: StepScorer,
        prompt: Prompt,
        *,
        mark: str = "\n\n",
        aggregate: Aggregate = "last",
        power: float = 1.0,
        floor: float = 1e-6,
    ) -> None:
        super().__init__(reward, prompt, mark=mark, how=aggregate, floor=floor)
        if not 0 < power < math.inf:
            raise SettingsError(f"reward model: power {power}; expected a number above 0.")
        if floor == 0 and aggregate not in _MONOTONE:
            raise SettingsError(
                f"reward model: floor 0 with the aggregate {aggregate!r}; a score of 0 would be "
                "final, but later steps may raise it. Expected a floor above 0, or one of "
                f"{' and '.join(_MONOTONE)}."
            )
        self.power = power

    def _log_values(self, solutions: Sequence[Solution]) -> list[float]:
        values = [
            aggregate_of([max(r, self._floor) for r in scores], self._how) if scores else 1.0
            for scores in self._scores(solutions)
        ]
        return [self.power * math.log(v) if v > 0 else -math.inf for v in values]


class Multiplicative(_Rewarded):
    """∏ₜ [aₜ / (1 − aₜ)]^(1/temperature) with aₜ = a(r₁, …, r_t), after Puri et al. 2025.

    Resample after every step as they do: `resample_at=` the boundary and `ess_threshold=1`.

    Args:
        reward: Judges steps.
        prompt: What the solutions are of; the potential is for this prompt alone.
        mark: Ends a step.
        aggregate: Of the scores up to each step. `whole` shows the model every beginning of the
            solution as one step, which the paper found best.
        temperature: Above 0.
        floor: aₜ is kept within [floor, 1 − floor], so that no factor is 0 or infinite. Above 0.

    Raises:
        SettingsError: An argument is out of its range.
    """

    def __init__(
        self,
        reward: StepScorer,
        prompt: Prompt,
        *,
        mark: str = "\n\n",
        aggregate: Aggregate = "last",
        temperature: float = 1.0,
        floor: float = 1e-6,
    ) -> None:
        super().__init__(reward, prompt, mark=mark, how=aggregate, floor=floor)
        if not 0 < temperature < math.inf:
            raise SettingsError(
                f"reward model: temperature {temperature}; expected a number above 0."
            )
        if floor == 0:
            raise SettingsError(
                "reward model: floor 0; expected a number above 0, since the odds of the score 1 "
                "would be infinite."
            )
        self.temperature = temperature

    def _log_values(self, solutions: Sequence[Solution]) -> list[float]:
        if self._how == "whole":
            beginnings = [s[:end] for s in solutions for end in range(1, len(s) + 1)]
            judged = iter(self._scores(beginnings))
            rows = [[next(judged)[0] for _ in s] for s in solutions]
        else:
            rows = [
                [aggregate_of(scores[:end], self._how) for end in range(1, len(scores) + 1)]
                for scores in self._scores(solutions)
            ]
        return [math.fsum(map(self._log_odds, row)) / self.temperature for row in rows]

    def _log_odds(self, score: float) -> float:
        kept = min(max(score, self._floor), 1 - self._floor)
        return math.log(kept) - math.log1p(-kept)
