"""Plot of the strategies: accuracy against generated tokens, a row a judge, a column a bin."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.strategies.analysis import Outcome, Outcomes, accuracy, by_plan, chosen
from benchmarks.strategies.plans import NAMES
from smc.strategies import ComputeOptimal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = dict(
    zip(
        NAMES,
        ("#7f7f7f", "#9ecae1", "#2b4c7e", "#d95f02", "#e6ab02", "#a6761d", "#1b9e77", "#7570b3"),
        strict=True,
    )
)


def plot(
    judges: Sequence[Outcomes],
    policies: Sequence[ComputeOptimal],
    budgets: Sequence[float],
    path: Path,
) -> None:
    """Draw all judges and bins into a file, and the fitted choice on the held-out problems.

    Args:
        judges: A judge each.
        policies: The choice fitted under each.
        budgets: That it was fitted for.
        path: Of the picture.
    """
    from matplotlib.figure import Figure

    bins = max(o.bins for o in judges)
    figure = Figure(figsize=(3.1 * (bins + 2), 2.7 * len(judges) + 0.5), layout="constrained")
    grid = figure.subplots(len(judges), bins + 2, squeeze=False, sharey=True)
    for row, outcomes, policy in zip(grid, judges, policies, strict=True):
        _panel(row[0], outcomes.all(), "all problems")
        for bin_ in range(bins):
            _panel(row[bin_ + 1], outcomes.all(bin_), f"bin {bin_ + 1}")
        _panel(row[-1], outcomes.test, "held-out problems")
        choices = [chosen(policy, outcomes.test, budget) for budget in budgets]
        _curve(row[-1], [own for own in choices if own], "black", "compute_optimal")
        row[0].set_ylabel(f"{outcomes.scorer}: accuracy, %")
    for axis in grid[-1]:
        axis.set_xlabel("generated tokens")
    handles, labels = grid[0][-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)


def _panel(axis: Axes, outcomes: Sequence[Outcome], title: str) -> None:
    if not outcomes:
        axis.set_visible(False)
        return
    plans = by_plan(outcomes)
    for name in NAMES:
        own = [os for plan, os in plans.items() if plan.strategy == name]
        _curve(axis, own, _COLOURS[name], name)
    axis.set_title(title, fontsize=9)
    axis.set_xscale("log", base=2)
    axis.grid(color="#e5e5e5")
    axis.spines[["top", "right"]].set_visible(False)


def _curve(axis: Axes, groups: Sequence[Sequence[Outcome]], colour: str, name: str) -> None:
    """A point for each group of outcomes, in the order of their tokens."""
    if not groups:
        return
    tokens = [float(np.mean([o.tokens for o in own])) for own in groups]
    intervals = [accuracy(own) for own in groups]
    order = np.argsort(tokens)
    xs = np.array(tokens)[order]
    means, lows, highs = (
        100 * np.array([getattr(i, end) for i in intervals])[order]
        for end in ("mean", "low", "high")
    )
    axis.plot(xs, means, marker="o", markersize=3, color=colour, label=name)
    axis.fill_between(xs, lows, highs, color=colour, alpha=0.08, linewidth=0)
