"""The reasoning task: puzzles of eleven kinds, solved line by line, judged by their likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

from domains.base import Item, checked_weights
from domains.reasoning.judge import reward_model
from domains.reasoning.puzzles import KINDS, Mode, Puzzle, puzzles, split
from domains.splits import Split
from potentials.grammar.regex import Regex
from potentials.reward_model import Telescoping
from smc.potential import AnyPotential

COUNT = 220


@dataclass(frozen=True)
class ReasoningItem(Item):
    """A puzzle.

    Attributes:
        puzzle: What the prompt states.
    """

    puzzle: Puzzle


@dataclass(frozen=True)
class ReasoningTask:
    """Generated puzzles; nothing need be downloaded.

    Args:
        split: The part that the puzzles are from.
        seed: Of the puzzles.
        kinds: Of the puzzles, in turn.
        mode: Whether steps are asked for, or the answer at once.
    """

    split: Split = "test"
    seed: int = 0
    kinds: tuple[str, ...] = tuple(KINDS)
    mode: Mode = "steps"

    name = "reasoning"
    primary = "correct"
    stop: tuple[str, ...] = ()
    max_tokens = 192
    resample_at = None
    proposal = None

    def items(self, limit: int | None = None, data: Path | None = None) -> list[ReasoningItem]:
        """Return `limit` puzzles (default 220), the kinds taking turns.

        Args:
            limit: How many; it never changes those before it.
            data: Not used; puzzles are generated.

        Raises:
            ValueError: The limit is negative, or there is no such split.
        """
        count = COUNT if limit is None else limit
        if count < 0:
            raise ValueError(f"reasoning: limit is {limit}; expected None, 0 or more.")
        chosen = islice(puzzles(self.split, self.seed, self.kinds), count)
        return [
            ReasoningItem(f"{p.kind}-{self.split}-{index:04d}", p.prompt(self.mode), p)
            for index, p in enumerate(chosen)
        ]

    def cheap(self, item: ReasoningItem | None = None) -> list[AnyPotential]:
        """Return the format of solutions: lines, the last of which gives the answer."""
        return [_format()]

    def expensive(self, item: ReasoningItem) -> list[AnyPotential]:
        """Return how likely the embedded model is to write the lines, asked after each of them."""
        return [Telescoping(reward_model(), item.prompt, mark="\n")]

    def score(self, item: ReasoningItem, text: str) -> dict[str, float]:
        """Return `correct`, `correct_KIND`, and `sound`: the share of lines before an error."""
        right = float(item.puzzle.is_right(text))
        flags = item.puzzle.sound(split(text))
        return {
            "correct": right,
            f"correct_{item.puzzle.kind}": right,
            "sound": sum(flags) / max(1, len(flags)),
        }

    def population_scores(
        self, item: ReasoningItem, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        """Return nothing: answers are judged one by one."""
        checked_weights(texts, weights)
        return {}


TASK = ReasoningTask()


@lru_cache(maxsize=1)
def _format() -> Regex:
    return Regex(r"([^\n]{1,80}\n){0,12}answer: [^\n]{1,60}")
