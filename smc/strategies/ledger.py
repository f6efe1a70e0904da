"""The ledger of a run that writes many prompts: its calls, its budget, its generators."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence

import numpy as np

from smc.errors import SettingsError, SMCError
from smc.model import Prompt
from smc.steps import Budget, StepScorer
from smc.strategies.aggregate import Answer, Selection, judge, select
from smc.strategies.costs import JudgeMeter
from smc.strategies.progress import Progress, Watch
from smc.strategies.results import Round, StrategyResult
from smc.strategies.seeds import Seed, fixed
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing.protocol import Call, Writer, WrittenText

DRAFT = "draft"
"""The role whose generators are those of best-of-N: its texts are the same, draw for draw."""


class Ledger:
    """Writes and judges for one run, and keeps account.

    Every text has a generator of its own, known by seed, role and how many texts of the role came
    before. So a run that writes more begins like one that writes less.

    Args:
        seed: Of the run.
        scorer: Judges whole texts; None for strategies that ask no judge.
        watch: Told how far the run is, after every round.
    """

    def __init__(
        self, seed: Seed, scorer: StepScorer | None = None, watch: Watch | None = None
    ) -> None:
        self._seed = fixed(seed)
        self._scorer = scorer
        self._calls: list[Call] = []
        self._notes: list[str] = []
        self._history: list[Round] = []
        self._written: Counter[str] = Counter()
        self._began: list[tuple[Writer, int]] = []
        self._judged = JudgeMeter(scorer)
        self._watch = watch

    @property
    def budget(self) -> Budget:
        """Spent so far."""
        passes, tokens = self._judged.spent
        return Budget(
            model_tokens=sum(c.written.num_tokens for c in self._calls),
            model_passes=sum(writer.passes - began for writer, began in self._began),
            reward_passes=passes,
            reward_tokens=tokens,
        )

    @property
    def calls(self) -> tuple[Call, ...]:
        """All texts so far."""
        return tuple(self._calls)

    @property
    def errors(self) -> tuple[str, ...]:
        """What went wrong so far, each message once."""
        failures = (c.written.error for c in self._calls)
        return tuple(dict.fromkeys(str(error) for error in failures if error is not None))

    def write(
        self,
        writer: Writer,
        role: str,
        prompts: Sequence[Prompt],
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Have texts written, and put them down.

        A writer that fails as a whole has written no text; the run goes on with what it has.

        Raises:
            SettingsError: The writer does not return one text a prompt.
        """
        if not prompts:
            return []
        if all(writer is not known for known, _ in self._began):
            self._began.append((writer, writer.passes))
        rngs = [self._generator(role, self._written[role] + i) for i in range(len(prompts))]
        self._written[role] += len(prompts)
        try:
            texts = writer.write(prompts, rngs=rngs, temperature=temperature, max_tokens=max_tokens)
        except SMCError as error:
            texts = [WrittenText("", False, 0, error=error)] * len(prompts)
        if len(texts) != len(prompts):
            raise SettingsError(
                f"writer {type(writer).__name__}: write returned {len(texts)} texts for "
                f"{len(prompts)} prompts; expected one each, in order."
            )
        self._calls += [Call(role, p, t) for p, t in zip(prompts, texts, strict=True)]
        return list(texts)

    def require_scorer(self) -> None:
        """Raise if the run has no judge.

        Raises:
            SettingsError: It has none.
        """
        if self._scorer is None:
            raise SettingsError(
                "scorer: this strategy goes by the values of whole texts, and got None; expected a "
                "StepScorer, such as potentials.reward_model gives."
            )

    def note(self, message: str) -> None:
        """Tell something of the run in its result."""
        self._notes.append(message)

    def require(self, texts: Sequence[WrittenText]) -> None:
        """Raise if there is nothing at all to go on with.

        Raises:
            SMCError: What the first text failed with, where all of them did.
        """
        if texts and not any(t.text or t.finished for t in texts):
            error = next((t.error for t in texts if t.error is not None), None)
            if error is not None:
                raise error

    def trajectories(self, prompt: Prompt, texts: Sequence[WrittenText]) -> list[Trajectory]:
        """Return the texts as solutions, judged as wholes if there is a scorer.

        Raises:
            PotentialError: The scorer returned something that is no score.
        """
        solutions = [(t.text,) if t.text else () for t in texts]
        scores: Sequence[tuple[float, ...]] = [()] * len(texts)
        if self._scorer is not None:
            scores = judge(self._scorer, prompt, solutions, "whole")
        return [
            Trajectory(
                solution=solution,
                scores=own,
                value=float("nan") if self._scorer is None else (own[-1] if own else 0.0),
                finished=text.finished,
                truncated=text.truncated,
                error=text.error,
                num_tokens=text.num_tokens,
            )
            for text, solution, own in zip(texts, solutions, scores, strict=True)
        ]

    def record(self, trajectories: Sequence[Trajectory], chosen: Sequence[int]) -> None:
        """Write a round down."""
        self._history.append(Round(tuple(trajectories), tuple(map(int, chosen)), self.budget))
        if self._watch is not None:
            self._watch(Progress.of(trajectories, self.budget))

    def result(
        self, trajectories: Sequence[Trajectory], answer: Answer | None, selection: Selection
    ) -> StrategyResult:
        """Return the result with these trajectories as its solutions."""
        settled, chosen, votes = select(trajectories, answer, selection)
        return StrategyResult(
            trajectories=tuple(trajectories),
            answer=settled,
            chosen=chosen,
            votes=votes,
            budget=self.budget,
            history=tuple(self._history),
            errors=self.errors,
            notes=tuple(dict.fromkeys(self._notes)),
            calls=self.calls,
        )

    def _generator(self, role: str, index: int) -> np.random.Generator:
        key = (index,) if role == DRAFT else (zlib.crc32(role.encode()), index)
        return np.random.default_rng(np.random.SeedSequence(self._seed, spawn_key=key))
