"""The summary of a run while it runs: what its report would say, written anew as results come."""

from __future__ import annotations

import time

from benchmarks.markdown import SETTINGS, START, render
from benchmarks.store import Store
from benchmarks.summary import summarise

NAME = "summary.md"
_LEAST_SECONDS = 10.0
_SHARE = 0.02
"""Of a run's time at most goes into its summary: intervals are bootstrapped."""


class LiveSummary:
    """Keeps `summary.md` beside the results of a run.

    Args:
        store: Of the run, which has begun.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0.0

    def update(self, *, last: bool = False) -> None:
        """Write the summary, if the last one is some time ago.

        Args:
            last: Write it in any case.
        """
        began = time.monotonic()
        if began < self._next and not last:
            return
        records = self._store.records()
        if records:
            run = self._store.stated(SETTINGS, START)
            rows = summarise(records, run["settings"]["primary"])
            self._store.write(NAME, render(run, rows))
        now = time.monotonic()
        self._next = now + max(_LEAST_SECONDS, (now - began) / _SHARE)
