"""One run of a search over steps: extend and score trajectories, and count the cost."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import Budget, Extension, Solution, StepModel, StepScorer, ToTheEnd
from smc.strategies.aggregate import Aggregate, Answer, Selection, aggregate, judge, select
from smc.strategies.costs import JudgeMeter
from smc.strategies.progress import Progress, Watch
from smc.strategies.results import Round, StrategyResult
from smc.strategies.trajectories import Trajectory, messages, replace_all

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
        watch: Told how far it is.
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
        watch: Watch | None = None,
    ) -> None:
        if not hasattr(model, "extend"):
            raise SettingsError(
                f"model: got {type(model).__name__}; expected a step model. Wrap a language model: "
                "smc.steps.token_steps.TokenSteps(model, potentials.boundaries.lines())."
            )
        if scorer is not None and not hasattr(scorer, "scores"):
            raise SettingsError(
                f"scorer: got {type(scorer).__name__}; expected a StepScorer, such as "
                "potentials.reward_model gives."
            )
        self.model = model
        self.prompt = prompt
        self.scorer = scorer
        self.how: Aggregate = how
        self.history: list[Round] = []
        self._temperature = temperature
        self._max_step_tokens = max_step_tokens
        self._tokens = 0
        self._began = model.passes
        self._judged = JudgeMeter(scorer)
        self._watch = watch
        self._failed: list[Trajectory] = []
        self._has_text = False

    @property
    def budget(self) -> Budget:
        """Spent so far."""
        passes, tokens = self._judged.spent
        return Budget(
            model_tokens=self._tokens,
            model_passes=self.model.passes - self._began,
            reward_passes=passes,
            reward_tokens=tokens,
        )

    def extend(
        self,
        trajectories: Sequence[Trajectory],
        rngs: Sequence[np.random.Generator],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
        prompt: Prompt | None = None,
    ) -> list[Trajectory]:
        """Return the trajectories after one more step each; one that cannot go on stays as it is.

        Args:
            trajectories: Any.
            rngs: One for each trajectory.
            temperature: Instead of the run's.
            max_tokens: Of the step, instead of the run's.
            keep: Solutions that will be gone on from later.
            prompt: Instead of the run's, which is still what the judge sees.

        Raises:
            EndpointError, SettingsError, …: The model reported an error for every trajectory, and
                the run has no text at all so far: there is nothing that could be returned.
        """
        open_ = [i for i, trajectory in enumerate(trajectories) if trajectory.goes_on]
        if not open_:
            return list(trajectories)
        extensions = self.model.extend(
            self.prompt if prompt is None else prompt,
            [trajectories[i].solution for i in open_],
            rngs=[rngs[i] for i in open_],
            temperature=self._temperature if temperature is None else temperature,
            max_tokens=max_tokens or self._max_step_tokens,
            keep=keep,
        )
        return self._grown(trajectories, list(zip(open_, extensions, strict=True)))

    def run(
        self,
        trajectories: Sequence[Trajectory],
        rngs: Sequence[np.random.Generator],
        *,
        prompt: Prompt | None = None,
    ) -> list[Trajectory]:
        """Return the trajectories drawn to their ends.

        None waits for the others' steps where the model can do without that (`ToTheEnd`).
        """
        now = list(trajectories)
        if isinstance(self.model, ToTheEnd):
            return self._run_to_end(
                self.model, now, rngs, self.prompt if prompt is None else prompt
            )
        for _ in range(_STEPS):
            if not any(t.goes_on for t in now):
                return now
            now = self.extend(now, rngs, prompt=prompt)
        return [dataclasses.replace(t, truncated=True) if t.goes_on else t for t in now]

    def _run_to_end(
        self,
        model: ToTheEnd,
        now: list[Trajectory],
        rngs: Sequence[np.random.Generator],
        prompt: Prompt,
    ) -> list[Trajectory]:
        open_ = [i for i, t in enumerate(now) if t.goes_on]
        if not open_:
            return now
        left = dict.fromkeys(open_, _STEPS)
        for ended in model.extend_to_end(
            prompt,
            [now[i].solution for i in open_],
            rngs=[rngs[i] for i in open_],
            temperature=self._temperature,
            max_tokens=self._max_step_tokens,
        ):
            steps = [(open_[place], extension) for place, extension in ended]
            now = self._grown(now, steps)
            for i, _ in steps:
                left[i] -= 1
                if not left[i] and now[i].goes_on:
                    now[i] = dataclasses.replace(now[i], truncated=True)
            if not any(now[i].goes_on for i in open_):
                break
        return now

    def _grown(
        self, trajectories: Sequence[Trajectory], steps: Sequence[tuple[int, Extension]]
    ) -> list[Trajectory]:
        """Add steps to some trajectories, count them, and tell."""
        self._tokens += sum(e.num_tokens for _, e in steps)
        new = {i: _extended(trajectories[i], e) for i, e in steps if trajectories[i].goes_on}
        self._failed.extend(t for t in new.values() if t.error is not None)
        after = replace_all(trajectories, new)
        self._has_text = self._has_text or any(t.solution or t.finished for t in after)
        failed = next((t.error for t in after if t.error is not None), None)
        if failed is not None and not self._has_text:
            raise failed
        self._tell(after)
        return after

    def score(self, trajectories: Sequence[Trajectory]) -> list[Trajectory]:
        """Return the trajectories with the scores of their steps, and their values.

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
        new = [i for i, t in enumerate(trajectories) if math.isnan(t.value)]
        scores = judge(self.scorer, self.prompt, [trajectories[i].solution for i in new], self.how)
        judged = {
            i: dataclasses.replace(trajectories[i], scores=s, value=aggregate(s, self.how))
            for i, s in zip(new, scores, strict=True)
        }
        return replace_all(trajectories, judged)

    def record(self, trajectories: Sequence[Trajectory], chosen: Sequence[int]) -> None:
        """Write a round down."""
        self.history.append(Round(tuple(trajectories), tuple(map(int, chosen)), self.budget))
        self._tell(trajectories)

    def result(
        self,
        trajectories: Sequence[Trajectory],
        answer: Answer | None,
        selection: Selection,
        log_weights: Sequence[float] | None = None,
    ) -> StrategyResult:
        """Return the result with these trajectories as its solutions."""
        settled, chosen, votes = select(trajectories, answer, selection)
        return StrategyResult(
            trajectories=tuple(trajectories),
            answer=settled,
            chosen=chosen,
            votes=votes,
            budget=self.budget,
            history=tuple(self.history),
            log_weights=None if log_weights is None else tuple(map(float, log_weights)),
            errors=messages(self._failed),
        )

    def _tell(self, trajectories: Sequence[Trajectory]) -> None:
        if self._watch is not None:
            self._watch(Progress.of(trajectories, self.budget))


def _extended(trajectory: Trajectory, extension: Extension) -> Trajectory:
    """The trajectory and its next step; an empty one only ends it, and is not counted."""
    step = (extension.step,) if extension.step else ()
    return dataclasses.replace(
        trajectory,
        solution=(*trajectory.solution, *step),
        value=math.nan if step else trajectory.value,
        finished=extension.finished,
        truncated=extension.truncated,
        error=extension.error,
        num_tokens=trajectory.num_tokens + extension.num_tokens,
        log_weight=trajectory.log_weight + extension.log_weight,
    )
