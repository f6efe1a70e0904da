"""A judge of one run among many in lockstep, asked together with those of other runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from benchmarks.lockstep.desk import Lockstep, Request
from smc.model import Prompt
from smc.steps import Solution, StepScorer


class LockstepScorer:
    """A judge that is asked when half of the runs want theirs, so that few writers are interrupted.

    Args:
        desk: Where the runs meet.
        scorer: Of one run alone.
    """

    def __init__(self, desk: Lockstep, scorer: StepScorer) -> None:
        self._desk, self._scorer = desk, scorer

    @property
    def passes(self) -> int:
        """See `StepScorer`."""
        return self._scorer.passes

    @property
    def tokens(self) -> int:
        """See `StepScorer`."""
        return self._scorer.tokens

    def clear(self) -> None:
        """Forget what was judged, where the scorer remembers anything."""
        getattr(self._scorer, "clear", lambda: None)()

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """See `StepScorer.scores`."""
        request = _Judge(self._scorer, prompt, solutions)
        self._desk.wait(request)
        return request.scores


@dataclass(eq=False)
class _Judge(Request):
    scorer: StepScorer
    prompt: Prompt
    solutions: Sequence[Solution]
    scores: list[tuple[float, ...]] = field(default_factory=list)
    rank: ClassVar[int] = 3
    patient: ClassVar[bool] = True

    @classmethod
    def serve(cls, group: Sequence[Any]) -> None:
        for r in group:
            try:
                r.scores = r.scorer.scores(r.prompt, r.solutions)
            except Exception as error:  # of this run alone
                r.error = error
