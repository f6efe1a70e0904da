"""Progress of a strategy on standard error: one line that changes, or one now and then."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from smc.strategies.progress import Progress

_TERMINAL_SECONDS = 0.1
_PIPE_SECONDS = 30.0


class ProgressLine:
    """Says how far a run is; on a terminal in place, elsewhere a line every half minute.

    Args:
        stream: Where to; None: standard error.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._pause = _TERMINAL_SECONDS if self._terminal else _PIPE_SECONDS
        self._began = time.monotonic()
        self._next = self._began + (0 if self._terminal else self._pause)

    def __call__(self, progress: Progress) -> None:
        """Be told how far it is, as `watch`."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + self._pause
        line = self._line(progress, now - self._began)
        print(f"\r\x1b[K{line}" if self._terminal else line, end="" if self._terminal else "\n",
              file=self._stream, flush=True)  # fmt: skip

    def done(self) -> None:
        """Take the line away."""
        if self._terminal:
            print("\r\x1b[K", end="", file=self._stream, flush=True)

    def _line(self, progress: Progress, seconds: float) -> str:
        spent = progress.budget
        judged = f", {spent.reward_passes} judged" if spent.reward_passes else ""
        return (
            f"solve: {progress.finished} of {progress.solutions} solutions finished, "
            f"{progress.steps} steps; {spent.model_tokens} tokens written{judged}; {seconds:.0f} s"
        )
