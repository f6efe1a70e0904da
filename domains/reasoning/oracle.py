"""An oracle that judges steps by the rules of their kind: the right solutions are known to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from domains.reasoning.puzzles import puzzle_of
from smc.model import Prompt
from smc.steps import Solution


@dataclass
class OracleScorer:
    """Scores 1 as long as some right solution begins with the lines so far, else 0.

    Attributes:
        passes: Solutions judged so far.
    """

    passes: int = field(default=0, init=False)
    tokens: int = field(default=0, init=False, repr=False)

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score for each of its lines.

        Raises:
            ValueError: The prompt is no puzzle of this domain.
        """
        if not isinstance(prompt, str):
            raise ValueError(f"reasoning: the prompt is {prompt!r:.80}; expected a puzzle's text.")
        self.passes += len(solutions)
        puzzle = puzzle_of(prompt)
        return [tuple(map(float, puzzle.sound(solution))) for solution in solutions]
