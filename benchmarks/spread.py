"""Work queue: which worker has which unit, where workers may be lost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from benchmarks.work import Unit, UnitKey

MAX_LOSSES = 3
"""So many workers may be lost over one unit before it is given up."""


class Queue:
    """Units that wait, that workers hold, that are done, and that were given up.

    Workers are numbers. A worker runs the units that it holds one after the other, in the order in
    which it took them; so if it is lost, the first of them is what it was lost over.

    Args:
        units: All of them, in the order in which they are handed out.
        max_losses: So many workers may be lost over one unit; then it is given up.
    """

    def __init__(self, units: Iterable[Unit], max_losses: int = MAX_LOSSES) -> None:
        self._waiting = deque(units)
        self._open = {u.key for u in self._waiting}
        self._held: dict[int, list[Unit]] = {}
        self._losses: Counter[UnitKey] = Counter()
        self._max_losses = max_losses
        self.given_up: list[Unit] = []

    @property
    def open(self) -> int:
        """How many units are neither done nor given up."""
        return len(self._open)

    @property
    def waiting(self) -> int:
        """How many units nobody holds yet."""
        return len(self._waiting)

    def held(self, worker: int) -> int:
        """Return how many units a worker holds."""
        return len(self._held.get(worker, ()))

    def take(self, worker: int) -> Unit | None:
        """Give a worker the next unit; None if none waits."""
        while self._waiting:
            unit = self._waiting.popleft()
            if unit.key in self._open:  # else a late answer came meanwhile
                self._held.setdefault(worker, []).append(unit)
                return unit
        return None

    def finish(self, worker: int, unit: Unit) -> bool:
        """Note that a worker answered; whether the answer is the first, which alone may be stored.

        The answer of a worker that was already believed lost counts, if it comes first.
        """
        self._held[worker] = [u for u in self._held.get(worker, []) if u.key != unit.key]
        if unit.key not in self._open:
            return False
        self._open.remove(unit.key)
        return True

    def lose(self, worker: int, *, blame: bool = True) -> None:
        """Note that a worker is lost: what it held comes first in the queue again.

        Args:
            worker: Its number.
            blame: Whether the unit that it was running may be the reason.
        """
        lost = [u for u in self._held.pop(worker, []) if u.key in self._open]
        if lost and blame:
            first = lost[0]
            self._losses[first.key] += 1
            if self._losses[first.key] >= self._max_losses:
                self._open.remove(first.key)
                self.given_up.append(lost.pop(0))
        self._waiting.extendleft(reversed(lost))
