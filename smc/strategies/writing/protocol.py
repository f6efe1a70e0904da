"""The protocol of writers, the texts they return, and the record of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from smc.errors import SMCError
from smc.model import Prompt


@dataclass(frozen=True)
class WrittenText:
    """What a writer wrote for one prompt.

    Attributes:
        text: Empty where nothing could be had.
        finished: The model ended it.
        num_tokens: Tokens generated, those of particles that were dropped included.
        truncated: It took all the room there was, and may lack its end.
        error: Why there is no more of it; the other texts of the call are not concerned.
    """

    text: str
    finished: bool
    num_tokens: int
    truncated: bool = False
    error: SMCError | None = None


class Writer(Protocol):
    """Writes whole texts for many different prompts."""

    @property
    def passes(self) -> int:
        """Forward passes so far, see `StepModel.passes`."""
        ...

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Write one text for each prompt.

        Args:
            prompts: In any number, equal ones included.
            rngs: One for each prompt; all its randomness. What a text is does not depend on the
                others.
            temperature: Instead of the model's own; 0 is greedy.
            max_tokens: Of each text, instead of the writer's own limit.

        Returns:
            One text for each prompt, in order. What could not be had is reported there, and never
            raised: nothing that other prompts got is lost.
        """
        ...


@dataclass(frozen=True)
class Call:
    """One text of a run, and what it was asked for as.

    Attributes:
        role: `draft`, `critique`, …: what the strategy wanted of it.
        prompt: What was asked.
        written: What came of it.
    """

    role: str
    prompt: Prompt
    written: WrittenText
