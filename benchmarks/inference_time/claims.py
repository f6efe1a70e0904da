"""What the records say: shares, differences of the same puzzles, and whether one technique wins."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.inference_time.runs import Key
from benchmarks.inference_time.techniques import Outcome
from smc.intervals import Interval, bootstrap, mean_interval

BASE = "direct"
LEVEL = 0.05
"""Of the sign test."""


@dataclass(frozen=True)
class Table:
    """Outcomes of puzzles that all techniques have answered.

    Attributes:
        tasks: In their order.
        techniques: Likewise.
        outcomes: By task, technique and puzzle.
        items: Numbers of the puzzles of each task.
    """

    tasks: tuple[str, ...]
    techniques: tuple[str, ...]
    outcomes: Mapping[Key, Outcome]
    items: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, outcomes: Mapping[Key, Outcome]) -> Table:
        """Return the table of some records; a puzzle that a technique lacks is left out."""
        tasks = tuple(dict.fromkeys(task for task, _, _ in outcomes))
        techniques = tuple(dict.fromkeys(name for _, name, _ in outcomes))
        numbers = sorted({k for _, _, k in outcomes})
        items = {
            task: tuple(k for k in numbers if all((task, n, k) in outcomes for n in techniques))
            for task in tasks
        }
        return cls(tuple(t for t in tasks if items[t]), techniques, outcomes, items)

    def of_puzzles(self, task: str, technique: str) -> list[Outcome]:
        """Return the outcomes of a technique in a task."""
        return [self.outcomes[task, technique, k] for k in self.items[task]]

    def share(self, task: str, technique: str) -> Interval:
        """Return the share of right answers, with Wilson's interval."""
        return mean_interval([float(o.right) for o in self.of_puzzles(task, technique)])

    def gap(self, technique: str, other: str) -> Interval:
        """Return the difference of two techniques, mean of the tasks, on the same puzzles."""
        return self._over_tasks(
            lambda k: float(self._right(k, technique)) - float(self._right(k, other))
        )

    def mean_share(self, technique: str) -> Interval:
        """Return the mean over the tasks; its interval is over puzzles, all tasks together."""
        return self._over_tasks(lambda k: float(self._right(k, technique)))

    def tokens(self, technique: str, task: str | None = None) -> float:
        """Return the tokens that an answer took, in the mean."""
        return self._mean([o.tokens for t in self._of(task) for o in self.of_puzzles(t, technique)])

    def judged(self, technique: str) -> float:
        """Return the tokens that the judge read for an answer, in the mean."""
        return self._mean([o.judged for t in self.tasks for o in self.of_puzzles(t, technique)])

    def best(self, task: str) -> tuple[str, ...]:
        """Return the techniques of the largest share in a task; several where it is the same."""
        shares = {n: self.share(task, n).mean for n in self.techniques}
        return tuple(n for n, share in shares.items() if share == max(shares.values()))

    def above(self, technique: str, other: str) -> list[str]:
        """Return the tasks in which one is ahead of another by the sign test on their puzzles."""
        return [
            task
            for task in self.tasks
            if ahead(
                [o.right for o in self.of_puzzles(task, technique)],
                [o.right for o in self.of_puzzles(task, other)],
            )
        ]

    def _right(self, puzzle: tuple[str, int], technique: str) -> bool:
        return self.outcomes[puzzle[0], technique, puzzle[1]].right

    def _over_tasks(self, value: Callable[[tuple[str, int]], float]) -> Interval:
        """Return a mean in which every task weighs alike."""
        puzzles = [(task, k) for task in self.tasks for k in self.items[task]]
        each = len(puzzles) / len(self.tasks)
        return bootstrap([value(p) * each / len(self.items[p[0]]) for p in puzzles])

    def _of(self, task: str | None) -> Sequence[str]:
        return self.tasks if task is None else (task,)

    @staticmethod
    def _mean(numbers: Sequence[int]) -> float:
        return sum(numbers) / max(1, len(numbers))


def ahead(ours: Sequence[bool], theirs: Sequence[bool]) -> bool:
    """Return whether one is right where the other is not more often than chance has it.

    The exact sign test, two-sided at 5%: sure of few puzzles it never is.

    Example:
        >>> ahead([True] * 5, [False] * 5), ahead([True] * 6, [False] * 6)
        (False, True)

    Source: McNemar (1947), "Note on the sampling error of the difference between correlated
    proportions".
    """
    won = sum(a and not b for a, b in zip(ours, theirs, strict=True))
    lost = sum(b and not a for a, b in zip(ours, theirs, strict=True))
    tail = sum(math.comb(won + lost, k) for k in range(won, won + lost + 1)) / 2 ** (won + lost)
    return won > lost and 2 * tail <= LEVEL


def verdict(table: Table) -> str:
    """Answer, from the records, whether one technique wins everywhere.

    A technique would win everywhere if its share were the largest in every task, or at least in
    each as large as any other's.
    """
    leads = {n: [t for t in table.tasks if n in table.best(t)] for n in table.techniques}
    everywhere = [n for n, tasks in leads.items() if len(tasks) == len(table.tasks)]
    beaten = {
        n: sorted({t for other in table.techniques if other != n for t in table.above(other, n)})
        for n in table.techniques
    }
    unbeaten = [n for n, tasks in beaten.items() if not tasks]
    most = max(len(tasks) for tasks in leads.values())
    leaders = [n for n, tasks in leads.items() if len(tasks) == most]
    count = len(table.tasks)
    said = (
        f"**Does one technique win everywhere? {'Yes' if everywhere else 'No'}.** "
        f"{_listed(everywhere or leaders)} {_have(everywhere or leaders)} the largest share in "
        f"{most} of {count} tasks, ties included. "
    )
    if len(unbeaten) == len(table.techniques):
        return said + "Within single tasks no technique is told apart from another (sign test)."
    if unbeaten:
        return said + f"In no task is another one ahead of {_listed(unbeaten)} (sign test)."
    return said + "Every technique has a task in which another one is ahead of it (sign test)."


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "each have"
