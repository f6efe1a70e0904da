"""Plots of a report: scores of the methods, and what full SMC gains over each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.divergence import Divergence
from benchmarks.summary import AHEAD, MethodRow
from smc.intervals import Interval, wilson

_INK = "#2b4c7e"


def plot(rows: Sequence[MethodRow], path: Path, *, title: str, score: str) -> None:
    """Draw points with error bars into a file, whose name decides the format.

    Args:
        rows: A method each.
        path: `.png`, `.svg` or `.pdf`.
        title: Of the whole.
        score: Name of the primary score.
    """
    from matplotlib.figure import Figure

    compared = next((r.differences for r in rows if r.method == AHEAD), {})
    panels = 2 if compared else 1
    figure = Figure(figsize=(4.6 * panels, 1.2 + 0.36 * len(rows)), layout="constrained")
    axes = figure.subplots(1, panels, squeeze=False)[0]
    _points(axes[0], {r.method: r.score for r in rows}, f"{score}, mean and 95% interval")
    if compared:
        gains = {f"{AHEAD} − {name}": interval for name, interval in compared.items()}
        _points(axes[1], gains, f"difference in {score}, same items")
        axes[1].axvline(0, color="#999999", linewidth=1, zorder=0)
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def plot_divergences(results: Sequence[Divergence], path: Path, *, title: str) -> None:
    """Draw E[log Ẑ] of each method with its interval, and beside it the share of finite runs.

    Args:
        results: A method each.
        path: `.png`, `.svg` or `.pdf`.
        title: Of the whole.
    """
    from matplotlib.figure import Figure

    finite = [r for r in results if math.isfinite(r.bound)]
    figure = Figure(figsize=(9.2, 1.4 + 0.36 * len(results)), layout="constrained")
    left, right = figure.subplots(1, 2)
    bounds = {
        r.method: Interval(r.bound, r.low if math.isfinite(r.low) else r.bound, r.high, r.runs)
        for r in finite
    }
    _points(left, bounds, "E[log Ẑ], nats, and 95% interval")
    shares = {r.method: wilson(round(r.finite * r.runs), r.runs) for r in results}
    _points(right, shares, "share of finite runs")
    figure.suptitle(title)
    figure.savefig(path, dpi=150)


def plot_costs(
    points: Sequence[tuple[str, float, Interval]], path: Path, *, title: str, label: str
) -> None:
    """Draw scores over costs, one line for each name.

    Args:
        points: Name of the line, cost, score; those of a line in its order.
        path: `.png`, `.svg` or `.pdf`.
        title: Of the whole.
        label: Of the axis of costs, which is logarithmic.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = Figure(figsize=(6.4, 4.2), layout="constrained")
    axes = figure.subplots()
    for name in dict.fromkeys(line for line, _, _ in points):
        own = [(cost, score) for line, cost, score in points if line == name]
        means = [score.mean for _, score in own]
        bars = [
            [max(0.0, score.mean - score.low) for _, score in own],
            [max(0.0, score.high - score.mean) for _, score in own],
        ]
        axes.errorbar(
            [c for c, _ in own], means, yerr=bars, marker="o", markersize=4, capsize=2, label=name
        )
    axes.set_xscale("log")
    # Within two decades or so powers of ten would be one tick, and their multiples overlap.
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel(label)
    axes.set_ylabel(f"{title}, mean and 95% interval")
    axes.grid(color="#e5e5e5")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize="small")
    figure.savefig(path, dpi=150)


def _points(axis: Any, intervals: dict[str, Interval], label: str) -> None:
    """Draw one horizontal interval for each name, the first at the top."""
    shown = list(intervals.values())
    means = [i.mean for i in shown]
    # A percentile interval need not hold the mean of a very skewed sample.
    bars = [
        [max(0.0, i.mean - i.low) for i in shown],
        [max(0.0, i.high - i.mean) for i in shown],
    ]
    places = range(len(shown))
    axis.errorbar(means, places, xerr=bars, fmt="o", color=_INK, capsize=3, markersize=5)
    axis.set_yticks(list(places), list(intervals))
    axis.set_ylim(len(shown) - 0.5, -0.5)
    axis.set_xlabel(label)
    axis.grid(axis="x", color="#e5e5e5")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
