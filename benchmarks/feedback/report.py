"""The report: solved within the trials, and at the tokens of as many independent samples."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import journal
from benchmarks.markdown import interval_text, table
from benchmarks.provenance import commit, machine, now
from smc.intervals import bootstrap, mean_interval

FIRST = "independent"
_NOTE = (
    "A verifier says right (every line follows) or wrong, and reading for that is not counted. 95% "
    "intervals over problems. Tokens: written, and read beside the bare problem (lessons, earlier "
    "attempts, what is said of them), each once; up to the first right attempt. At equal tokens: "
    "solved before the tokens of {trials} independent samples of the same problem were spent. "
    "Differences are to these samples, of pairs; one whose interval covers 0 supports no claim, "
    "and among so many one clear of 0 by chance is to be expected."
)


@dataclass(frozen=True)
class Run:
    """The attempts of an arm at an item: tokens of each, and whether it was right.

    Behind the first right one there may be others, which were drawn beside it.
    """

    arm: str
    item: str
    level: int
    seed: int
    attempts: tuple[tuple[int, bool], ...]

    @property
    def needed(self) -> tuple[tuple[int, bool], ...]:
        """Those up to the first right one, or all."""
        at = next((k for k, (_, right) in enumerate(self.attempts) if right), len(self.attempts))
        return self.attempts[: at + 1]

    @property
    def solved(self) -> bool:
        """Whether an attempt is right."""
        return any(right for _, right in self.attempts)

    @property
    def tokens(self) -> int:
        """Of the attempts that were needed, lessons included."""
        return sum(tokens for tokens, _ in self.needed)

    def solved_within(self, tokens: float) -> bool:
        """Whether it was right before so many tokens were spent."""
        return self.solved and self.tokens <= tokens


def read_runs(file: Path) -> list[Run]:
    """Return what a run has left."""
    return [
        Run(
            r["arm"] if r["rate"] is None else f"{r['arm']} at {r['rate']:g}",
            r["item"],
            r["level"],
            r["seed"],
            tuple((int(t), bool(ok)) for t, ok in r["attempts"]),
        )
        for r in journal.read(file)
    ]


def rows(runs: Sequence[Run], trials: int) -> list[list[str]]:
    """Return a row an arm: shares with intervals over the items, and differences of pairs."""
    arms = list(dict.fromkeys(r.arm for r in runs))
    first = {(r.item, r.seed): r for r in runs if r.arm == FIRST}
    # The budget of an item: what as many independent samples cost, at their mean length there.
    budgets = {
        key: trials * sum(tokens for tokens, _ in r.attempts) / len(r.attempts)
        for key, r in first.items()
    }
    told = []
    for arm in arms:
        own = {(r.item, r.seed): r for r in runs if r.arm == arm and (r.item, r.seed) in first}
        within = {key: float(r.solved) for key, r in own.items()}
        equal = {key: float(r.solved_within(budgets[key])) for key, r in own.items()}
        more = {key: within[key] - float(first[key].solved) for key in own}
        gap = {key: equal[key] - float(first[key].solved_within(budgets[key])) for key in own}
        used = sum(len(r.needed) for r in own.values()) / len(own)
        tokens = sum(r.tokens for r in own.values()) / len(own)
        told.append(
            [
                arm,
                interval_text(mean_interval(by_item(within)), places=2),
                "–" if arm == FIRST else interval_text(bootstrap(by_item(more)), "+", places=2),
                interval_text(mean_interval(by_item(equal)), places=2),
                "–" if arm == FIRST else interval_text(bootstrap(by_item(gap)), "+", places=2),
                f"{used:.1f}",
                f"{tokens:.0f}",
                str(len({item for item, _ in own})),
            ]
        )
    return told


def by_item(values: Mapping[tuple[str, int], float]) -> dict[str, list[float]]:
    """Return the values of each item, a seed each."""
    found: dict[str, list[float]] = {}
    for (item, _), value in values.items():
        found.setdefault(item, []).append(value)
    return found


def level_tables(runs: Sequence[Run], trials: int) -> str:
    """Return a heading and a table for each level."""
    head = [
        "arm",
        f"solved within {trials} trials",
        "difference",
        "solved at equal tokens",
        "difference",
        "trials",
        "tokens",
        "problems",
    ]
    parts = []
    for level in sorted({r.level for r in runs}):
        own = [r for r in runs if r.level == level]
        parts += [f"## Level {level}", "\n".join(table(head, rows(own, trials)))]
    return "\n\n".join(parts)


def write_report(options: argparse.Namespace) -> str:
    """Write `report.md` beside the runs, and return it."""
    runs = read_runs(options.out / "runs.jsonl")
    facts = machine()
    levels = ",".join(map(str, options.levels))
    parts = [
        "# Feedback at test time, on arithmetic that greedy decoding fails",
        "`OMP_NUM_THREADS=1 python -m benchmarks.feedback --out DIR --part "
        f"{options.part} --levels {levels} --items {options.items} "
        f"--trials {options.trials} --seeds {options.seeds} --rate {options.rate:g}`",
        f"Commit {commit()}, {now()[:10]}, {facts['cpu']}, {facts['cores']} cores. Model "
        "`embedded:arithmetic` at temperature 1; problems of one level whose greedy answer is "
        f"wrong, from the {options.part} part. {_NOTE.format(trials=options.trials)}",
    ]
    if options.words is not None:
        parts.append(options.words.read_text(encoding="utf-8").strip())
    parts.append(level_tables(runs, options.trials))
    text = "\n\n".join(parts) + "\n"
    (options.out / "report.md").write_text(text, encoding="utf-8")
    return text
