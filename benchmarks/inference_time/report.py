"""The page of the study: verdict, tables, and the plot of accuracy over tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.inference_time.claims import BASE, Table, verdict
from benchmarks.inference_time.runs import Records
from benchmarks.inference_time.techniques import ABOUT
from benchmarks.markdown import interval_text
from benchmarks.markdown import table as lines_of
from benchmarks.plots import plot_costs


def render(records: Records, words: str = "", picture: str = "") -> str:
    """Return the section of a run.

    Args:
        records: What was run.
        words: Written by hand, to stand before the tables.
        picture: Address of the plot; "": there is none.
    """
    table, head = Table.of(records.outcomes), records.head
    settings: Mapping[str, Any] = head["settings"]
    facts = head["machine"]
    sizes = sorted({len(own) for own in table.items.values()})
    puzzles = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else f"{sizes[0]}"
    parts = [
        f"## {settings['model']}, judge: {settings['judge']}",
        f"`{head['command']}`",
        f"Commit {head['commit']}, {head['date']}, {facts['cpu']}, {facts['cores']} cores, load "
        f"{facts['load']}. Model digest {settings['digest']}; temperature "
        f"{settings['temperature']:g}. {puzzles} test puzzles a task, the same for all techniques, "
        "with the same seeds. The judge of searches, particles and best-of-8 is "
        f"{settings['judged_by']}.",
        verdict(table),
        words.strip(),
        f"![Accuracy over tokens]({picture})" if picture else "",
        "\n".join(_shares(table)),
        "\n".join(_techniques(table)),
        "\n".join(_tokens(table)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _shares(table: Table) -> list[str]:
    body = []
    for task in table.tasks:
        best = table.best(task)
        cells = [
            _bold(interval_text(table.share(task, name), places=2), name in best)
            for name in table.techniques
        ]
        body.append([task, *cells])
    means = [table.mean_share(name) for name in table.techniques]
    body.append(["mean of tasks", *(interval_text(mean, places=2) for mean in means)])
    return lines_of(["right", *table.techniques], body)


def _techniques(table: Table) -> list[str]:
    """Each technique beside the base and chain of thought, and what it costs."""
    body = []
    for name in table.techniques:
        cells = [name, ABOUT.get(name, "")]
        for other in (BASE, "CoT"):
            compared = name != other and other in table.techniques
            cells.append(interval_text(table.gap(name, other), "+", places=2) if compared else "–")
            told = f"{len(table.above(name, other))} / {len(table.above(other, name))}"
            cells.append(told if compared else "–")
        cells.append(str(sum(name in table.best(task) for task in table.tasks)))
        body.append([*cells, f"{table.tokens(name):.0f}", f"{table.judged(name):.0f}"])
    head = (
        "technique;what it does;less direct, mean of tasks;tasks ahead / behind;"
        "less CoT, mean of tasks;tasks ahead / behind;largest share;tokens;judged"
    )
    told = lines_of(head.split(";"), body)
    return [told[0], told[1].replace("| --- | ---:", "| --- | ---", 1), *told[2:]]


def _tokens(table: Table) -> list[str]:
    body = [
        [task, *(f"{table.tokens(name, task):.0f}" for name in table.techniques)]
        for task in table.tasks
    ]
    return lines_of(["tokens", *table.techniques], body)


def plot(records: Sequence[tuple[str, Records]], path: Path) -> None:
    """Draw the mean accuracy of each technique over its tokens, a line a run.

    Args:
        records: With what the legend calls them.
        path: `.png`, `.svg` or `.pdf`.
    """
    points = []
    for label, own in records:
        table = Table.of(own.outcomes)
        for name in table.techniques:
            called = f"{name}{label}"
            points.append((called, table.tokens(name), table.mean_share(name)))
    plot_costs(points, path, title="right, mean of tasks", label="tokens an answer")


def _bold(text: str, yes: bool) -> str:
    return f"**{text}**" if yes else text
