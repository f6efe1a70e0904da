"""Report of the strategies: tables in Markdown, a plot, and the fitted choices as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.disk import explained_disk
from benchmarks.store import Store
from benchmarks.strategies.analysis import (
    SLACK,
    Outcomes,
    accuracy,
    at_cost,
    by_plan,
    chosen,
    crossed,
    difference,
    fitted,
    outcomes_of,
    values,
)
from benchmarks.strategies.claims import claims_table
from benchmarks.strategies.head import SETTINGS, START, head, read_words
from benchmarks.strategies.plans import NAMES
from benchmarks.strategies.plots import plot
from benchmarks.strategies.run import SCORERS, SPLITS
from benchmarks.strategies.tables import shown, table
from benchmarks.strategies.trial import complaint
from smc.errors import SettingsError
from smc.intervals import mean_interval

PAIRS = (
    ("beam", "weighted_best_of_n"),
    ("dvts", "weighted_best_of_n"),
    ("dvts", "beam"),
    ("lookahead", "beam"),
    ("particle_filter", "weighted_best_of_n"),
    ("particle_filter", "dvts"),
    ("particle_gibbs", "particle_filter"),
    ("weighted_best_of_n", "majority_vote"),
    ("best_of_n", "weighted_best_of_n"),
)
"""Pairs of strategies that the papers compare."""


def write_report(folder: Path, bins: int, words: Path | None = None) -> Path:
    """Write `report.md`, `strategies.png` and `choice-JUDGE.json` into the folder of a run.

    Args:
        folder: Of the run.
        bins: Of difficulty.
        words: A file of Markdown, written by hand, that stands between picture and tables.

    Raises:
        SettingsError: There are no results, or no words.
    """
    said = [] if words is None else [read_words(words)]
    run, judges = read(folder, bins)
    budgets = [float(b) for b in run["settings"]["budgets"]]
    policies = [fitted(outcomes, budgets, run["settings"]["model"]) for outcomes in judges]
    halves = [crossed(outcomes, budgets, run["settings"]["model"]) for outcomes in judges]
    picture = "![Accuracy against generated tokens](strategies.png)"
    pages = [head(run, judges), picture, *said, claims_table(judges, halves)]
    for outcomes, policy in zip(judges, policies, strict=True):
        with explained_disk(folder, "--out"):
            policy.save(folder / f"choice-{outcomes.scorer}.json")
        pages += [
            f"## Judge: {outcomes.scorer}",
            _sizes(outcomes),
            _by_budget(outcomes),
            _by_bin(outcomes, budgets),
            _differences(outcomes, budgets),
            _optimal(outcomes, policy, budgets),
        ]
    path = folder / "report.md"
    with explained_disk(folder, "--out"):
        plot(judges, policies, budgets, folder / "strategies.png")
        path.write_text("\n\n".join(pages) + "\n", encoding="utf-8")
    return path


def read(folder: Path, bins: int) -> tuple[dict[str, Any], list[Outcomes]]:
    """Return run.json, and the outcomes under each judge that has results.

    A run that was cut short may have some of the calibration problems alone, which come first; the
    report then says that none is held out.

    Raises:
        SettingsError: There are no results, or they cannot be read.
    """
    store = Store(folder, complaint)
    grouped: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for name in SCORERS:
        for split in SPLITS:
            for seed in store.seeds(f"{split}-{name}"):
                own = store.repair(f"{split}-{name}", seed)
                grouped.setdefault((name, split), []).extend(own)
    judges = [
        outcomes_of(name, {split: grouped.get((name, split), []) for split in SPLITS}, bins)
        for name in SCORERS
        if grouped.get((name, "calibration"))
    ]
    if store.read_run() is None or not judges:
        raise SettingsError(
            f"--out: {folder} holds no results of both parts, nor of the first alone; expected a "
            "folder that `python -m benchmarks.strategies` has written to."
        )
    return store.stated(SETTINGS, START), judges


def _sizes(outcomes: Outcomes) -> str:
    counts = []
    for bin_ in range(outcomes.bins):
        own = {o.item: o.difficulty for o in outcomes.all(bin_)}
        mean = np.mean(list(own.values())) if own else float("nan")
        counts.append([str(bin_ + 1), str(len(own)), f"{100 * mean:.0f}"])
    return "Bins of difficulty, the easiest first:\n\n" + table(
        ["bin", "problems", "pass@1"], counts
    )


def _by_budget(outcomes: Outcomes) -> str:
    body = []
    for plan, own in by_plan(outcomes.all()).items():
        means = [
            np.mean([o.tokens for o in own]),
            np.mean([o.passes[0] for o in own]),
            np.mean([o.passes[1] for o in own]),
        ]
        n = plan.num_solutions * dict(plan.settings).get("sweeps", 1)
        body.append([plan.strategy, str(n), shown(accuracy(own)), *(f"{m:.0f}" for m in means)])
    head = ["strategy", "N", "accuracy", "tokens", "model passes", "judge passes"]
    return "All problems:\n\n" + table(head, body)


def _by_bin(outcomes: Outcomes, budgets: Sequence[float]) -> str:
    parts = []
    for budget in budgets:
        if budget not in (budgets[-1], 4, 16):
            continue
        body = []
        for family in NAMES:
            cells = []
            for bin_ in range(outcomes.bins):
                own = at_cost(outcomes.all(bin_), family, budget)
                cells.append(shown(mean_interval(own)))
            body.append([family, *cells])
        head = ["strategy", *(f"bin {b + 1}" for b in range(outcomes.bins))]
        parts.append(f"Accuracy by bin at a cost of {budget:g} samples:\n\n" + table(head, body))
    return "\n\n".join(parts)


def _differences(outcomes: Outcomes, budgets: Sequence[float]) -> str:
    body = []
    for ours, theirs in PAIRS:
        for budget in (b for b in budgets if b in (4, 16, budgets[-1])):
            cells = []
            for bin_ in (None, *range(outcomes.bins)):
                own = outcomes.all(bin_)
                gap = difference(at_cost(own, ours, budget), at_cost(own, theirs, budget))
                cells.append(shown(gap, sign="+"))
            body.append([f"{ours} − {theirs}", f"{budget:g}", *cells])
    head = ["difference", "cost", "all", *(f"bin {b + 1}" for b in range(outcomes.bins))]
    return "Paired differences at equal cost:\n\n" + table(head, body)


def _optimal(outcomes: Outcomes, policy: Any, budgets: Sequence[float]) -> str:
    body = []
    for budget in budgets:
        own = chosen(policy, outcomes.test, budget)
        ours = values(own)
        cost = np.mean([o.cost for o in own]) if own else float("nan")
        gaps = [difference(ours, at_cost(outcomes.test, name, budget)) for name in NAMES]
        body.append(
            [
                f"{budget:g}",
                shown(accuracy(own)),
                f"{cost:.1f}" if own else "–",
                *(shown(g, sign="+") for g in gaps),
            ]
        )
    plans = [
        [
            str(bin_ + 1),
            f"{budget / SLACK:g}",
            f"{c.plan.strategy}, N = {c.plan.num_solutions}",
            f"{100 * c.accuracy:.0f}",
            "–" if c.cross_validated != c.cross_validated else f"{100 * c.cross_validated:.0f}",
        ]
        for (bin_, budget), c in sorted(policy.choices.items())
    ]
    items = len({o.item for o in outcomes.test})
    head = ["cost", "compute-optimal", "its cost", *(f"− {name}" for name in NAMES)]
    return (
        f"The compute-optimal choice, fitted on the calibration problems, on {items} held-out "
        "problems; and its paired differences to each fixed strategy at the same cost:\n\n"
        + table(head, body)
        + "\n\nWhat it chooses, with its accuracy on the calibration problems, and cross-validated:"
        + "\n\n"
        + table(["bin", "cost", "plan", "accuracy", "cross-validated"], plans)
    )
