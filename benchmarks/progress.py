"""Progress of a run: a bar on a terminal, elsewhere a line a minute with the time that is left."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_PAUSE_SECONDS = 60.0


class RunProgress:
    """Says how far a run is.

    Args:
        console: Where to.
        name: Of the run.
        total: Items of all its units.
        completed: How many are there already.
    """

    def __init__(self, console: Console, name: str, total: int, completed: int) -> None:
        self._console = console
        self._total = total
        self._completed = self._found = completed
        self._began = self._told = time.monotonic()
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._bar.add_task(name, total=total, completed=completed)

    def __enter__(self) -> RunProgress:
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.__exit__(kind, error, trace)

    def advance(self, items: int, what: str) -> None:
        """Be told that so many more items are done.

        Args:
            items: How many.
            what: Of which unit, for reading.
        """
        self._completed += items
        if self._bar is not None:
            self._bar.update(self._task, advance=items, description=what)
            return
        now = time.monotonic()
        if now - self._told < _PAUSE_SECONDS:
            return
        self._told = now
        gone = now - self._began
        each = gone / max(1, self._completed - self._found)
        left = each * (self._total - self._completed)
        self._console.print(
            f"{what}: {self._completed} of {self._total}, {_clock(gone)} gone, about "
            f"{_clock(left)} left",
            highlight=False,
            soft_wrap=True,
        )


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
