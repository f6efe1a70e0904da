"""A fair lock on the model: threads compute in turns, in the order in which they came.

Each lane of the engine computes while it has the turn, and gives it up while it waits for a
potential, so that a potential that is slow, or never comes back, holds up its own lane alone.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType


class Turn:
    """A mutual exclusion lock, first come, first served (`threading.Lock` starves who waits)."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[tuple[threading.Lock, int]] = deque()
        self._owner: int | None = None
        self._since = 0.0

    def __enter__(self) -> None:
        """Wait for the turn and take it."""
        mine = threading.get_ident()
        with self._lock:
            if self._owner is None:
                self._hand_to(mine)
                return
            ticket = threading.Lock()
            ticket.acquire()
            self._waiting.append((ticket, mine))
        ticket.acquire()  # until it is handed over

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hand the turn to whoever has waited longest."""
        with self._lock:
            if not self._waiting:
                self._owner = None
                return
            ticket, owner = self._waiting.popleft()
            self._hand_to(owner)
            ticket.release()

    def _hand_to(self, owner: int) -> None:
        self._owner, self._since = owner, time.monotonic()

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Let others have the turn meanwhile; nothing to a thread that does not have it."""
        if self._owner != threading.get_ident():
            yield
            return
        self.__exit__(None, None, None)
        try:
            yield
        finally:
            self.__enter__()

    @property
    def held_seconds(self) -> float:
        """For how long whoever has the turn has had it; 0 where nobody does."""
        with self._lock:
            return 0.0 if self._owner is None else time.monotonic() - self._since
