"""The parts that all strategies are made of: extend, score, and count what it costs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import Budget, Extension, Solution, StepModel, StepScorer
from smc.strategies.aggregate import Aggregate, Answer, Selection, aggregate, judge, select
from smc.strategies.chains import Chain, Round, StrategyResult, messages, replace_all

_STEPS = 1000
"""Where a solution that is drawn to its end is cut, whatever its model says."""


class Search:
    """One run of a strategy on one prompt.

    Args:
        model: Extends.
        prompt: The problem.
        scorer: Judges; None for strategies that ask no judge.
        how: From step scores to the value of a solution.
        temperature: Of the model; None: its own.
        max_step_tokens: Of one step; None: the model's own limit.
    """

    def __init__(
        self,
        model: StepModel,
        prompt: Prompt,
        scorer: StepScorer | None,
        how: Aggregate,
        *,
        temperature: float | None,
        max_step_tokens: int | None,
    ) -> None:
        self.model = model
        self.prompt = prompt
        self.scorer = scorer
        self.how: Aggregate = how
        self.history: list[Round] = []
        self._temperature = temperature
        self._max_step_tokens = max_step_tokens
        self._tokens = 0
        self._began = model.passes, *_spent(scorer)
        self._failed: list[Chain] = []
        self._has_text = False

    @property
    def budget(self) -> Budget:
        """Spent so far."""
        passes, tokens = _spent(self.scorer)
        return Budget(
            model_tokens=self._tokens,
            model_passes=self.model.passes - self._began[0],
            reward_passes=passes - self._began[1],
            reward_tokens=tokens - self._began[2],
        )

    def extend(
        self,
        chains: Sequence[Chain],
        rngs: Sequence[np.random.Generator],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
    ) -> list[Chain]:
        """Return the chains after one more step each; one that cannot go on stays as it is.

        Args:
            chains: Any.
            rngs: One for each chain.
            temperature: Instead of the run's.
            max_tokens: Of the step, instead of the run's.
            keep: Solutions that will be gone on from later.

        Raises:
            EndpointError, SettingsError, …: The model reported an error for every chain, and the
                run has no text at all so far: there is nothing that could be returned.
        """
        growing = [i for i, chain in enumerate(chains) if chain.goes_on]
        if not growing:
            return list(chains)
        found = self.model.extend(
            self.prompt,
            [chains[i].solution for i in growing],
            rngs=[rngs[i] for i in growing],
            temperature=self._temperature if temperature is None else temperature,
            max_tokens=max_tokens or self._max_step_tokens,
            keep=keep,
        )
        self._tokens += sum(e.num_tokens for e in found)
        new = {i: _extended(chains[i], e) for i, e in zip(growing, found, strict=True)}
        self._failed.extend(c for c in new.values() if c.error is not None)
        after = replace_all(chains, new)
        self._has_text = self._has_text or any(c.solution or c.finished for c in after)
        failed = next((c.error for c in after if c.error is not None), None)
        if failed is not None and not self._has_text:
            raise failed
        return after

    def run(self, chains: Sequence[Chain], rngs: Sequence[np.random.Generator]) -> list[Chain]:
        """Return the chains drawn to their ends."""
        now = list(chains)
        for _ in range(_STEPS):
            if not any(c.goes_on for c in now):
                return now
            now = self.extend(now, rngs)
        return [dataclasses.replace(c, truncated=True) if c.goes_on else c for c in now]

    def score(self, chains: Sequence[Chain]) -> list[Chain]:
        """Return the chains with the scores of their steps, and their values.

        Those that have not grown since they were judged are not judged again.

        Raises:
            SettingsError: The run has no scorer.
            PotentialError: The scorer returned something that is no score.
        """
        if self.scorer is None:
            raise SettingsError(
                "scorer: this strategy goes by the scores of steps, and got None; expected a "
                "StepScorer, such as potentials.reward_model gives."
            )
        new = [i for i, c in enumerate(chains) if math.isnan(c.value)]
        scores = judge(self.scorer, self.prompt, [chains[i].solution for i in new], self.how)
        judged = {
            i: dataclasses.replace(chains[i], scores=s, value=aggregate(s, self.how))
            for i, s in zip(new, scores, strict=True)
        }
        return replace_all(chains, judged)

    def record(self, chains: Sequence[Chain], chosen: Sequence[int]) -> None:
        """Write a round down."""
        self.history.append(Round(tuple(chains), tuple(map(int, chosen)), self.budget))

    def result(
        self,
        chains: Sequence[Chain],
        answer: Answer | None,
        selection: Selection,
        log_weights: Sequence[float] | None = None,
    ) -> StrategyResult:
        """Return the result with these chains as its solutions."""
        found, chosen, votes = select(chains, answer, selection)
        return StrategyResult(
            chains=tuple(chains),
            answer=found,
            chosen=chosen,
            votes=votes,
            budget=self.budget,
            history=tuple(self.history),
            log_weights=None if log_weights is None else tuple(map(float, log_weights)),
            errors=messages(self._failed),
        )


def _spent(scorer: StepScorer | None) -> tuple[int, int]:
    return (0, 0) if scorer is None else (scorer.passes, scorer.tokens)


def _extended(chain: Chain, extension: Extension) -> Chain:
    """The chain and its next step; an empty one, which only ends it, is not counted as a step."""
    step = (extension.step,) if extension.step else ()
    return dataclasses.replace(
        chain,
        solution=(*chain.solution, *step),
        value=math.nan if step else chain.value,
        finished=extension.finished,
        truncated=extension.truncated,
        error=extension.error,
        num_tokens=chain.num_tokens + extension.num_tokens,
        log_weight=chain.log_weight + extension.log_weight,
    )
