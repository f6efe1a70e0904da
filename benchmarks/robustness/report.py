"""Tables and the plot: success of attacks, and accuracy, over compute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from benchmarks.markdown import interval_text, table
from benchmarks.robustness.attacks import ABOUT
from benchmarks.robustness.grid import Cell, Outcome
from smc.intervals import Interval, bootstrap, wilson

Found = Sequence[tuple[Cell, int, list[Outcome]]]


def success(outcomes: Sequence[Outcome]) -> Interval:
    """Return the share of problems in which the attacker reached his goal."""
    return wilson(sum(o.reached for o in outcomes), len(outcomes))


def accuracy(outcomes: Sequence[Outcome]) -> Interval:
    """Return the share of right answers."""
    return wilson(sum(o.right for o in outcomes), len(outcomes))


def cell_table(found: Found) -> str:
    """Return a row a cell, with the changes from the least compute of its defender."""
    deep = any(o.layers for _, _, outcomes in found for o in outcomes)
    body = []
    for cell, _, outcomes in found:
        least = _least(found, cell)
        attacked = bool(cell.attack.lines)
        layers = _mean([o.layers for o in outcomes]) / 1000
        body.append(
            [
                cell.attack.name,
                cell.defender,
                str(cell.compute),
                interval_text(success(outcomes), places=2) if attacked else "–",
                _change(least, outcomes, "reached") if attacked else "–",
                interval_text(accuracy(outcomes), places=2),
                _change(least, outcomes, "right"),
                f"{_mean([o.tokens for o in outcomes]):.0f}",
                *([f"{layers:.2f}"] if deep else []),
                f"{_mean([o.judged for o in outcomes]):.0f}",
                f"{_mean([o.passes for o in outcomes]):.2f}",
            ]
        )
    head = (
        "attack × lines,defender,compute,attack succeeds,change,right,change,tokens,"
        f"{'layers,' if deep else ''}judged,passes"
    ).split(",")
    return "\n".join(table(head, body))


def _least(found: Found, cell: Cell) -> list[Outcome]:
    """The outcomes of a cell's attack and defender at the least compute."""
    own = [f for f in found if (f[0].attack, f[0].defender) == (cell.attack, cell.defender)]
    return min(own, key=lambda f: f[0].compute)[2]


def _change(
    before: Sequence[Outcome], now: Sequence[Outcome], what: Literal["reached", "right"]
) -> str:
    """The paired difference of a share; empty where there is nothing to compare."""
    if before is now:
        return "–"
    first = {o.case: getattr(o, what) for o in before}
    gap = {o.case: [float(getattr(o, what)) - float(first[o.case])] for o in now}
    return interval_text(bootstrap(gap), "+", places=2)


def goals_text() -> str:
    """Return what each goal is, a line each."""
    return "\n".join(f"- {goal}: {about}." for goal, about in ABOUT.items())


def plot(found: Found, path: Path, *, title: str) -> None:
    """Draw success and accuracy over the tokens of an answer, or its layers; a column a defender.

    Args:
        found: Cells.
        path: `.png`, `.svg` or `.pdf`.
        title: Of the whole.
    """
    from matplotlib.figure import Figure

    defenders = list(dict.fromkeys(cell.defender for cell, _, _ in found))
    names = list(dict.fromkeys(cell.attack.name for cell, _, _ in found))
    figure = Figure(figsize=(3.6 * len(defenders) + 1.6, 6.4), layout="constrained")
    axes = figure.subplots(2, len(defenders), squeeze=False, sharex=True, sharey="row")
    lines = {}
    for column, defender in enumerate(defenders):
        for k, name in enumerate(names):
            own = [f for f in found if f[0].defender == defender and f[0].attack.name == name]
            own.sort(key=lambda f: f[0].compute)
            spent = [_mean([o.layers or o.tokens for o in outcomes]) for _, _, outcomes in own]
            for row, measure in enumerate((success, accuracy)):
                if not own or (row == 0 and name == "none"):
                    continue
                points = [measure(outcomes) for _, _, outcomes in own]
                lines[name] = axes[row][column].errorbar(
                    spent,
                    [p.mean for p in points],
                    yerr=[[p.mean - p.low for p in points], [p.high - p.mean for p in points]],
                    color=f"C{k}" if k < 10 else "black",
                    marker="o",
                    markersize=3,
                    capsize=2,
                    linewidth=1,
                )
        axes[0][column].set_title(defender)
        deep = defender == "recurrences"
        axes[1][column].set_xlabel("layers of all tokens" if deep else "tokens an answer")
        axes[1][column].set_xscale("log", base=2 if deep else 10)
    axes[0][0].set_ylabel("attack succeeds")
    axes[1][0].set_ylabel("right")
    axes[0][0].set_ylim(-0.03, 1.03)
    axes[1][0].set_ylim(-0.03, 1.03)
    shown = [name for name in names if name in lines]
    figure.legend([lines[n] for n in shown], shown, loc="outside right center", fontsize=8)
    figure.suptitle(title, fontsize=9 if len(defenders) == 1 else None)
    figure.savefig(path, dpi=130)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / max(1, len(numbers))
