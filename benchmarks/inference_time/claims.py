"""What the records say: shares, differences of the same puzzles, and whether one technique wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.inference_time.runs import Key
from benchmarks.inference_time.techniques import Outcome
from smc.intervals import Interval, bootstrap, mean_interval

BASE = "direct"


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

    def gap(self, task: str, technique: str, other: str) -> Interval:
        """Return the difference of two techniques on the same puzzles, with its interval."""
        pairs = zip(self.of_puzzles(task, technique), self.of_puzzles(task, other), strict=True)
        return bootstrap([float(a.right) - float(b.right) for a, b in pairs])

    def mean_share(self, technique: str) -> Interval:
        """Return the mean over the tasks; its interval is over puzzles, all tasks together."""
        own = {(t, k): [float(self.outcomes[t, technique, k].right) / len(self.items[t])]
               for t in self.tasks for k in self.items[t]}  # fmt: skip
        size = len(own) / len(self.tasks)
        spread = bootstrap([value[0] * size for value in own.values()])
        return spread

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
        """Return the tasks in which one is ahead of another: the interval of the gap is over 0."""
        return [t for t in self.tasks if self.gap(t, technique, other).low > 0]

    def _of(self, task: str | None) -> Sequence[str]:
        return self.tasks if task is None else (task,)

    @staticmethod
    def _mean(numbers: Sequence[int]) -> float:
        return sum(numbers) / max(1, len(numbers))


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
    if unbeaten:
        said += (
            f"In no task is another one ahead of {_listed(unbeaten)} with an interval of the "
            "difference over 0."
        )
    else:
        said += (
            "Every technique has a task in which another one is ahead of it with an interval of "
            "the difference over 0."
        )
    return said


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _have(names: Sequence[str]) -> str:
    return "has" if len(names) == 1 else "each have"
