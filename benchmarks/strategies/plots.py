"""The picture: accuracy against generated tokens, a row a judge, a column a bin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.strategies.analysis import Outcome, Outcomes, accuracy, by_plan
from benchmarks.strategies.plans import NAMES

_COLOURS = dict(
    zip(
        NAMES,
        ("#7f7f7f", "#9ecae1", "#2b4c7e", "#d95f02", "#e6ab02", "#a6761d", "#1b9e77", "#7570b3"),
        strict=True,
    )
)


def plot(found: Sequence[Outcomes], path: Path) -> None:
    """Draw all judges and bins into a file."""
    from matplotlib.figure import Figure

    columns = max(o.bins for o in found) + 1
    figure = Figure(figsize=(3.1 * columns, 2.7 * len(found) + 0.5), layout="constrained")
    grid = figure.subplots(len(found), columns, squeeze=False, sharey=True)
    for row, outcomes in zip(grid, found, strict=True):
        for column, axis in enumerate(row):
            bin_ = None if column == 0 else column - 1
            if bin_ is not None and bin_ >= outcomes.bins:
                axis.set_visible(False)
                continue
            _curves(axis, outcomes.all(bin_))
            axis.set_title("all problems" if bin_ is None else f"bin {bin_ + 1}", fontsize=9)
        row[0].set_ylabel(f"{outcomes.scorer}: accuracy, %")
    for axis in grid[-1]:
        axis.set_xlabel("generated tokens")
    handles, labels = grid[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path, dpi=130)


def _curves(axis, outcomes: Sequence[Outcome]) -> None:
    plans = by_plan(outcomes)
    for name in NAMES:
        own = [os for plan, os in plans.items() if plan.strategy == name]
        if not own:
            continue
        tokens = [float(np.mean([o.tokens for o in os])) for os in own]
        intervals = [accuracy(os) for os in own]
        order = np.argsort(tokens)
        xs = np.array(tokens)[order]
        means, lows, highs = (
            100 * np.array([getattr(i, end) for i in intervals])[order]
            for end in ("mean", "low", "high")
        )
        axis.plot(xs, means, marker="o", markersize=3, color=_COLOURS[name], label=name)
        axis.fill_between(xs, lows, highs, color=_COLOURS[name], alpha=0.08, linewidth=0)
    axis.set_xscale("log", base=2)
    axis.grid(color="#e5e5e5")
    axis.spines[["top", "right"]].set_visible(False)
