"""The study's page and plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.depth.measure import Accuracy, Stops
from benchmarks.markdown import table
from domains.arithmetic.training.depth import LEVELS
from smc.intervals import Interval, mean_interval

NEARLY = 0.95
"""The share of its best accuracy at which a depth is called enough."""


def interval_of(found: Accuracy, level: int) -> Interval:
    """Return a level's accuracy with Wilson's interval."""
    return mean_interval([float(right) for right in found.right[level]])


def enough(rows: Sequence[Accuracy], level: int) -> int | None:
    """Return the smallest depth that is nearly as right as the best one.

    Args:
        rows: Of one kind.
        level: Of the problems.
    """
    means = {row.depth: interval_of(row, level).mean for row in rows if row.depth is not None}
    best = max(means.values(), default=0.0)
    return next((d for d, mean in sorted(means.items()) if mean >= NEARLY * best > 0), None)


def accuracy_table(found: Sequence[Accuracy], trained: Mapping[str, int]) -> str:
    """Return the rows of accuracy, a network at a depth each.

    Args:
        found: Measured.
        trained: Tokens that each kind of network was trained on.
    """
    head = ["network", "trained on", "r", "layers a token", *(f"level {level}" for level in LEVELS)]
    body = []
    for row in found:
        cells = [interval_of(row, level) for level in LEVELS]
        shown = [f"{c.mean:.3f} ({c.low:.3f}, {c.high:.3f})" for c in cells]
        depth = "–" if row.depth is None else str(row.depth)
        read = f"{trained[row.kind] / 1e6:.2f}M"
        body.append([row.kind, read, depth, f"{row.layer_passes:g}", *shown])
    return "\n".join(table(head, body))


def enough_table(found: Sequence[Accuracy]) -> str:
    """Return which depth is enough for which level."""
    kinds = dict.fromkeys(row.kind for row in found if row.depth is not None)
    body = []
    for kind in kinds:
        rows = [row for row in found if row.kind == kind]
        body.append([kind, *(str(enough(rows, level) or "–") for level in LEVELS)])
    return "\n".join(table(["network", *(f"level {level}" for level in LEVELS)], body))


def stops_table(found: Sequence[Stops]) -> str:
    """Return what each criterion saves and costs."""
    head = ["criterion"]
    for level in LEVELS:
        head += [f"iterations, level {level}", f"likeliest, level {level}"]
    body = []
    for row in found:
        cells = [row.criterion or "none"]
        for level in LEVELS:
            cells += [f"{row.iterations[level]:.2f}", f"{row.likeliest[level]:.4f}"]
        body.append(cells)
    return "\n".join(table(head, body))


def routed_table(found: Mapping[str, Sequence[float]], steps: int) -> str:
    """Return the share of tokens that think on, by what they foretell."""
    count = len(next(iter(found.values())))
    head = [
        "foretold",
        *(f"layer {2 * (k // steps) + 2}, step {k % steps + 1}" for k in range(count)),
    ]
    body = [[kind, *(f"{share:.2f}" for share in shares)] for kind, shares in found.items()]
    return "\n".join(table(head, body))


def plot(found: Sequence[Accuracy], path: Path) -> None:
    """Draw accuracy over depth, a panel for each network and a line for each level."""
    from matplotlib.figure import Figure

    kinds = list(dict.fromkeys(row.kind for row in found if row.depth is not None))
    figure = Figure(figsize=(4 * len(kinds), 3.6), layout="constrained")
    axes = figure.subplots(1, len(kinds), squeeze=False, sharey=True)[0]
    plain = next((row for row in found if row.depth is None), None)
    for axis, kind in zip(axes, kinds, strict=True):
        rows = [row for row in found if row.kind == kind]
        depths = [row.depth or 0 for row in rows]
        for i, level in enumerate(LEVELS):
            cells = [interval_of(row, level) for row in rows]
            means = [c.mean for c in cells]
            errors = [
                [c.mean - c.low for c in cells],
                [c.high - c.mean for c in cells],
            ]
            axis.errorbar(depths, means, errors, color=f"C{i}", marker="o", label=f"level {level}")
            if plain is not None:
                axis.axhline(interval_of(plain, level).mean, color=f"C{i}", linestyle=":")
        axis.set_xscale("log", base=2)
        axis.set_xticks(depths, [str(depth) for depth in depths])
        axis.set_title(kind)
        axis.set_xlabel("iterations r")
    axes[0].set_ylabel("right answers, 95% interval")
    axes[0].set_ylim(0, 1)
    axes[-1].legend(loc="lower right")
    figure.suptitle("Accuracy over depth; dotted: six layers without repetition")
    figure.savefig(path, dpi=130)
