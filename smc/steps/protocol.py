"""The protocols of step models and step scorers, the extensions they exchange, and the budget.

A *step* is the text up to and with a boundary: a blank line, the end of a line. It is the unit in
which reasoning is searched (`smc.strategies`), and the only unit of a generator that gives nothing
but text (`smc.steps.openai`). A `StepModel` extends, a `StepScorer` judges, and `Budget` counts
what both have cost, in the same way for every strategy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from smc.errors import SMCError
from smc.model import Prompt

Solution = tuple[str, ...]
"""The steps so far; `"".join(solution)` is the text. Every step keeps its closing mark."""


class TokenText(str):
    """A step that remembers the tokens it was drawn as; equal, and hashed, as its text.

    The same text can be drawn as different tokens, and what follows depends on which.

    Attributes:
        tokens: Token ids, an end-of-sequence token included.
        pieces: What each token added to the text; none for the end-of-sequence token.
        log_probs: log p of each token under the model, at temperature 1 and without constraints; ()
            where that is not known.
    """

    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    log_probs: tuple[float, ...]

    @classmethod
    def of(
        cls,
        text: str,
        tokens: tuple[int, ...],
        pieces: tuple[str, ...],
        log_probs: tuple[float, ...] = (),
    ) -> TokenText:
        """Return the text with its tokens."""
        step = cls(text)
        step.tokens, step.pieces, step.log_probs = tokens, pieces, log_probs
        return step


def cut(step: str, length: int) -> Solution:
    """Return the first characters of a step: the tokens that fit, then what is left as text."""
    if not isinstance(step, TokenText):
        return (step[:length],) if length else ()
    size, ends = 0, 0
    while size < len(step.pieces) and ends + len(step.pieces[size]) <= length:
        ends += len(step.pieces[size])
        size += 1
    whole = TokenText.of(step[:ends], step.tokens[:size], step.pieces[:size], step.log_probs[:size])
    rest = step[ends:length]
    return tuple(s for s in (whole, rest) if s)


@dataclass(frozen=True)
class Extension:
    """What a step model added to one solution.

    Attributes:
        step: New text, its closing mark included; empty where the solution ended at once, or
            nothing could be had.
        finished: The model ended the text after this step.
        num_tokens: Tokens generated, the end-of-sequence token included.
        log_weight: Sum of the log weight increments of a constrained proposal; −inf: a dead end.
        truncated: The text may not grow any further, and has not come to its end.
        error: Why nothing more could be had (an endpoint that stayed down); other solutions of
            the same call are not concerned.
    """

    step: str
    finished: bool
    num_tokens: int
    log_weight: float = 0.0
    truncated: bool = False
    error: SMCError | None = None


class StepModel(Protocol):
    """Extends texts by a whole step."""

    @property
    def passes(self) -> int:
        """Forward passes so far: sequences put through the network, one token or prefill each.

        Not batches: a pass of a batch of eight counts eight, on any machine.
        """
        ...

    def extend(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
    ) -> list[Extension]:
        """Draw one step for each solution.

        Args:
            prompt: What the solutions are of.
            solutions: Where to go on from. One that is named twice is drawn twice; its prefix is
                forwarded once where the model can share it.
            rngs: One for each solution; all its randomness. What a solution draws does not depend
                on the others.
            temperature: Instead of the model's own; 0 is greedy.
            max_tokens: Of one step, instead of the model's own limit. A step that reaches it ends
                there, and the next goes on from it.
            keep: Solutions that will be asked for again: the model may hold what it knows of them.

        Returns:
            One extension for each solution, in order. What could not be had is reported there, and
            never raised: nothing that other solutions got is lost.
        """
        ...


@runtime_checkable
class ToTheEnd(StepModel, Protocol):
    """A step model whose solutions need not wait for each other at the ends of steps."""

    def extend_to_end(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> Iterator[list[tuple[int, Extension]]]:
        """Draw all steps that are left of each solution, the same that `extend` would draw.

        A solution goes on while others are within a step, so that a batch is as large as the
        number of solutions that are not done.

        Args:
            prompt: As in `extend`.
            solutions: Likewise.
            rngs: Likewise.
            temperature: Likewise.
            max_tokens: Of one step.

        Yields:
            Steps that have just ended, each with its solution's place. One that is finished,
            truncated, of log weight −inf or with an error is its solution's last.
        """
        ...


class StepScorer(Protocol):
    """Judges the steps of solutions: a process reward model, an oracle, a function.

    One that remembers scores may have a method `clear`, which forgets them and leaves the counts;
    it is called when a strategy begins, so that what a run costs does not depend on others.
    """

    @property
    def passes(self) -> int:
        """Forward passes so far: sequences put through the network, not batches."""
        ...

    @property
    def tokens(self) -> int:
        """Tokens put through the network so far; 0 where there is none."""
        ...

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score in [0, 1] for each of its steps."""
        ...


@dataclass(frozen=True)
class Budget:
    """What a strategy has cost.

    Attributes:
        model_tokens: Tokens generated, with those of texts that were dropped, of rollouts too.
        model_passes: Sequences put through the language model (see `StepModel.passes`).
        reward_passes: Sequences put through the reward model.
        reward_tokens: Tokens put through the reward model.
    """

    model_tokens: int = 0
    model_passes: int = 0
    reward_passes: int = 0
    reward_tokens: int = 0

    def __add__(self, other: Budget) -> Budget:
        return Budget(
            self.model_tokens + other.model_tokens,
            self.model_passes + other.model_passes,
            self.reward_passes + other.reward_passes,
            self.reward_tokens + other.reward_tokens,
        )
