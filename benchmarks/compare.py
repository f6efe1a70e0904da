"""The command `compare`: two methods, of one model or of two, on the items that both have done.

A small model that is steered beside a larger one that is not: each item is answered by both, so
the difference is paired, and its interval is over items.
"""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.markdown import interval_text, table
from benchmarks.report import read
from benchmarks.summary import primary_scores
from smc.errors import SettingsError
from smc.intervals import Interval, bootstrap, mean_interval, paired

_COMMON = "domain primary data".split()
_TELLING = (
    "model_digest backend temperature variant resample_at proposal ess_threshold resampling "
    "max_tokens"
).split()
"""Settings that two sides of one model, method and N may differ in."""


@dataclass(frozen=True)
class Side:
    """One method's runs in one folder.

    Attributes:
        name: Model, method and N.
        settings: Of the run.
        scores: The primary score by item and seed.
        tokens: Particle-tokens by item and seed.
        cpu_seconds: Processor time by item and seed.
        extinct: Runs in which no particle survived, by item and seed.
    """

    name: str
    settings: Mapping[str, Any]
    scores: Mapping[tuple[str, int], float]
    tokens: Mapping[tuple[str, int], float]
    cpu_seconds: Mapping[tuple[str, int], float]
    extinct: frozenset[tuple[str, int]]


class Survival(NamedTuple):
    """The runs that both sides have, of one outcome: who had a particle left.

    Attributes:
        who: In words.
        runs: How many.
        scores: The mean of each side over these runs.
        share: What they add to the mean difference over all runs.
        difference: The first less the second within them, by item.
    """

    who: str
    runs: int
    scores: tuple[float, float]
    share: float
    difference: Interval


class Comparison(NamedTuple):
    """Two sides on the items that both have.

    Attributes:
        items: How many.
        scores: The mean of each side.
        difference: The first less the second, paired by item.
        tokens: The mean of each side.
        cpu_seconds: The mean of each side.
    """

    items: int
    scores: tuple[Interval, Interval]
    difference: Interval
    tokens: tuple[float, float]
    cpu_seconds: tuple[float, float]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `compare`."""
    parser.add_argument(
        "sides",
        nargs=2,
        metavar="RESULTS:METHOD",
        help="what a run had as --out, or a file of --records, and one of its methods",
    )


def main(arguments: argparse.Namespace) -> None:
    """Print the comparison as a table and a sentence.

    Raises:
        SettingsError: No such results, or nothing that both sides have.
    """
    first, second = told_apart(*(side(text) for text in arguments.sides))
    print(page(first, second, compared(first, second)))


def told_apart(first: Side, second: Side) -> tuple[Side, Side]:
    """Return two sides of unlike names: where these are alike, what their settings differ in."""
    if first.name != second.name:
        return first, second
    shown = [n for n in _TELLING if first.settings.get(n) != second.settings.get(n)]

    def named(one: Side) -> Side:
        words = [f"{n.replace('_', ' ')} {one.settings.get(n)}" for n in shown]
        return dataclasses.replace(one, name=", ".join([one.name, *words]))

    return named(first), named(second)


def side(text: str) -> Side:
    """Read one side from `RESULTS:METHOD`.

    Raises:
        SettingsError: It is not of that form, or there are no such results.
    """
    path, _, method = text.rpartition(":")
    if not path or not method:
        raise SettingsError(
            f"compare: got {text!r}; expected a folder or file of results and a method, such as "
            "runs/gdb17:smc."
        )
    run, records = read(Path(path))
    own = [record for record in records if record["method"] == method]
    if not own:
        there = sorted({record["method"] for record in records})
        raise SettingsError(f"compare: {path} has no {method}; it has {', '.join(there)}.")
    settings = run["settings"]
    keys = [(record["item"], record["seed"]) for record in own]
    return Side(
        name=f"{Path(settings['model']).name} {method}, N = {settings['num_particles']}"
        + (f", {again} retries" if (again := settings.get("retries")) else ""),
        settings=settings,
        scores=primary_scores(own, settings["primary"]),
        tokens=dict(zip(keys, (record["tokens"] for record in own), strict=True)),
        cpu_seconds=dict(zip(keys, (record["cpu_seconds"] for record in own), strict=True)),
        extinct=frozenset(
            key for key, record in zip(keys, own, strict=True) if record["status"] == "extinct"
        ),
    )


def compared(first: Side, second: Side) -> Comparison:
    """Compare two sides, paired by item.

    Raises:
        SettingsError: They are of different tasks, or have no item in common.
    """
    for name in _COMMON:
        ours, theirs = first.settings[name], second.settings[name]
        if ours != theirs:
            raise SettingsError(
                f"compare: {name} is {ours!r} of {first.name}, {theirs!r} of {second.name}; "
                "expected results of one domain."
            )
    items = {item for item, _ in first.scores} & {item for item, _ in second.scores}
    if not items:
        raise SettingsError(
            f"compare: {first.name} and {second.name} have no item in common; run one of them on "
            "the items of the other (--sample takes the same in both)."
        )
    by_item = [_by_item(s.scores, items) for s in (first, second)]
    return Comparison(
        items=len(items),
        scores=(mean_interval(by_item[0]), mean_interval(by_item[1])),
        difference=bootstrap(paired(*(_means(values) for values in by_item))),
        tokens=(_mean(first.tokens, items), _mean(second.tokens, items)),
        cpu_seconds=(_mean(first.cpu_seconds, items), _mean(second.cpu_seconds, items)),
    )


def survivals(first: Side, second: Side) -> list[Survival]:
    """Split the runs that both sides have by who survived; empty where all did.

    Two methods with one target estimate the same where both have particles left, so that this
    tells whether one is ahead by its samples or by losing fewer runs.
    """
    runs = sorted(first.scores.keys() & second.scores.keys())
    groups: dict[tuple[bool, bool], list[tuple[str, int]]] = {}
    for key in runs:
        groups.setdefault((key not in first.extinct, key not in second.extinct), []).append(key)
    if set(groups) <= {(True, True)}:
        return []
    names = {(True, True): "both", (True, False): first.name, (False, True): second.name}
    found = []
    for alive in [*names, (False, False)]:
        if not (own := groups.get(alive)):
            continue
        items = {item for item, _ in own}
        here = [{key: s.scores[key] for key in own} for s in (first, second)]
        means = (float(np.mean(list(here[0].values()))), float(np.mean(list(here[1].values()))))
        difference = bootstrap(paired(*(_means(_by_item(scores, items)) for scores in here)))
        share = (means[0] - means[1]) * len(own) / len(runs)
        found.append(Survival(names.get(alive, "neither"), len(own), means, share, difference))
    return found


def page(first: Side, second: Side, found: Comparison) -> str:
    """Return a comparison in Markdown."""
    head = ["", first.settings["primary"], "tokens an item", "CPU seconds an item"]
    rows = zip((first, second), found.scores, found.tokens, found.cpu_seconds, strict=True)
    body = [[s.name, interval_text(score), f"{t:.0f}", f"{c:.2f}"] for s, score, t, c in rows]
    low, high = found.difference.low, found.difference.high
    verdict = "ahead" if low > 0 else "behind" if high < 0 else "not told apart"
    return "\n".join(
        [
            *table(head, body),
            "",
            *_survival_table(first, second),
            f"{first.name} less {second.name}: {interval_text(found.difference, '+')} on the "
            f"{found.items} items of both, 95% interval: {verdict}.",
        ]
    )


def _survival_table(first: Side, second: Side) -> list[str]:
    if first.settings["model"] != second.settings["model"]:
        return []  # they have no target in common
    head = ["particles left in", "runs", first.name, second.name, "difference", "of the whole"]
    body = [
        [
            s.who,
            str(s.runs),
            *(f"{score:.3f}" for score in s.scores),
            interval_text(s.difference, "+"),
            f"{s.share:+.3f}",
        ]
        for s in survivals(first, second)
    ]
    return [*table(head, body), ""] if body else []


def _by_item(scores: Mapping[tuple[str, int], float], items: set[str]) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {item: [] for item in sorted(items)}
    for (item, _), score in scores.items():
        if item in values:
            values[item].append(score)
    return values


def _means(values: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """One value an item: the two sides may have other seeds."""
    return {item: [float(np.mean(own))] for item, own in values.items()}


def _mean(values: Mapping[tuple[str, int], float], items: set[str]) -> float:
    return float(np.mean([value for (item, _), value in values.items() if item in items]))
