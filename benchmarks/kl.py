"""The command `kl`: how far methods are from the target, on the item with the median score.

The paper's second figure: many runs of one item a domain, and E[log Ẑ] of each method with the
share of its runs that did not die out (`benchmarks.divergence`).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import run
from benchmarks.disk import explained_disk
from benchmarks.divergence import METHODS, Divergence, divergences, median_item
from benchmarks.markdown import provenance_table, table
from benchmarks.methods import parse_methods
from benchmarks.plots import plot_divergences
from benchmarks.report import read
from benchmarks.summary import AHEAD, primary_scores
from smc.errors import SettingsError

_COMMON = "domain variant model model_digest dtype temperature data".split()
"""Settings that the runs have in common with those that the item was chosen from."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `kl`: those of `run`, and where the item comes from."""
    run.add_arguments(parser)
    parser.add_argument(
        "--like",
        type=Path,
        help="results of `run` with the method smc: the item whose score is nearest to the median "
        "is taken (default: the one item of --items)",
    )
    parser.set_defaults(methods=",".join(METHODS), seeds=100)


def main(arguments: argparse.Namespace) -> None:
    """Do what the command line asks; write kl.json, kl.md and kl.png beside the results.

    Raises:
        SettingsError: What `run` refuses; a method of which nothing can be told; no one item.
    """
    methods = parse_methods(arguments.methods)
    if not set(methods) <= set(METHODS):
        raise SettingsError(
            f"--methods: got {arguments.methods!r}; expected some of {','.join(METHODS)}: answers "
            "of the others may lie outside the target, and their divergence is infinite."
        )
    item = _item(arguments)
    changed = {"items": (item,), "like": None, "limit": None, "sample": None}
    run.main(argparse.Namespace(**{**vars(arguments), **changed}))
    began, records = read(arguments.out)
    if arguments.like is not None:
        _check_alike(began["settings"], read(arguments.like)[0]["settings"])
    records = [r for r in records if r["item"] == item]
    results = divergences(records, methods)
    write(arguments.out, began, item, results)


def _item(arguments: argparse.Namespace) -> str:
    """Return the id of the one item to run."""
    if arguments.like is None:
        if len(arguments.items or ()) != 1:
            raise SettingsError(
                "kl: expected --like FOLDER, results to choose the item from, or --items with one "
                "id."
            )
        return arguments.items[0]
    began, records = read(arguments.like)
    primary = began["settings"]["primary"]
    own = [r for r in records if r["method"] == AHEAD]
    return median_item(own, primary_scores(own, primary))


def _check_alike(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> None:
    for name in _COMMON:
        if ours.get(name) != theirs.get(name):
            raise SettingsError(
                f"--like: its results have {name} = {theirs.get(name)!r}, these runs "
                f"{ours.get(name)!r}; expected the same. Give the argument of the run before, and "
                "another --out."
            )


def write(folder: Path, began: Mapping[str, Any], item: str, results: Sequence[Divergence]) -> None:
    """Write kl.json, kl.md and kl.png, and print the page.

    Args:
        folder: Of the runs.
        began: What its run.json holds.
        item: Id.
        results: A method each.
    """
    picture, page = folder / "kl.png", folder / "kl.md"
    settings = began["settings"]
    title = f"{settings['domain']}, {settings['model']}, {item}"
    text = "\n\n".join(
        [
            f"# {settings['domain']}: divergence from the target",
            provenance_table(began),
            "\n".join(_rows(results)),
            f"![E[log Ẑ] of the methods]({picture.name})",
            f"Item {item}. E[log Ẑ | finite] + log P(finite), in nats, with a 95% bootstrap "
            "interval over runs: minus the KL divergence of a method's answers from the target, "
            "up to a constant that all have in common. Higher is better. Finite: the share of the "
            "runs that did not die out.",
        ]
    )
    with explained_disk(page, "--out"):
        (folder / "kl.json").write_text(
            json.dumps({"item": item, "methods": [r.to_json() for r in results]}, indent=2) + "\n"
        )
        page.write_text(text + "\n", encoding="utf-8")
        plot_divergences(results, picture, title=title)
    print(text)


def _rows(results: Sequence[Divergence]) -> list[str]:
    body = [
        [r.method, f"{r.bound:.3f} ({r.low:.3f}, {r.high:.3f})", f"{r.finite:.2f}", str(r.runs)]
        for r in results
    ]
    return table(["method", "E[log Ẑ], nats", "finite", "runs"], body)
