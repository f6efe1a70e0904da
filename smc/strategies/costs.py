"""Cost of a judge in one run: counted from its beginning, with nothing remembered from others."""

from __future__ import annotations

from smc.steps import StepScorer


class JudgeMeter:
    """Reads what a judge has cost since the meter was made.

    A judge that remembers forgets first, if it has a method `clear` (as those of
    `potentials.reward_model` and `LLMJudge` have). Or a run that is like an earlier one would seem
    cheaper, and strategies that share a judge would pay for each other.

    Args:
        scorer: Whose; None: there is no judge, and no cost.
    """

    def __init__(self, scorer: StepScorer | None) -> None:
        self._scorer = scorer
        forget = getattr(scorer, "clear", None)
        if callable(forget):
            forget()
        self._began = self._now()

    @property
    def spent(self) -> tuple[int, int]:
        """Passes and tokens."""
        passes, tokens = self._now()
        return passes - self._began[0], tokens - self._began[1]

    def _now(self) -> tuple[int, int]:
        return (0, 0) if self._scorer is None else (self._scorer.passes, self._scorer.tokens)
