"""A writer that runs in lockstep share: what they want written is one batch."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.lockstep.desk import Lockstep, Request
from smc.model import Prompt
from smc.strategies.writing import Writer, WrittenText


class LockstepWriter:
    """A writer that waits for the other runs before it writes; see `Writer`.

    Args:
        desk: Where the runs meet.
        writer: What they share; `passes` are those of all of them.
    """

    def __init__(self, desk: Lockstep, writer: Writer) -> None:
        self._desk, self._writer = desk, writer

    @property
    def passes(self) -> int:
        """Forward passes so far, of all runs."""
        return self._writer.passes

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """See `Writer.write`."""
        request = _Writing(self._writer, temperature, max_tokens, prompts, rngs)
        self._desk.wait(request)
        return request.texts


@dataclass(eq=False)
class _Writing(Request):
    """Texts that a run wants written."""

    writer: Writer
    temperature: float | None
    max_tokens: int | None
    prompts: Sequence[Prompt]
    rngs: Sequence[np.random.Generator]
    texts: list[WrittenText] = field(default_factory=list)

    def key(self) -> Hashable:
        return id(self.writer), self.temperature, self.max_tokens

    @classmethod
    def serve(cls, group: Sequence[Any]) -> None:
        texts = iter(
            group[0].writer.write(
                [p for r in group for p in r.prompts],
                rngs=[g for r in group for g in r.rngs],
                temperature=group[0].temperature,
                max_tokens=group[0].max_tokens,
            )
        )
        for request in group:
            request.texts = [next(texts) for _ in request.prompts]
