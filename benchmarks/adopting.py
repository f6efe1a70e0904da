"""Adopted results: a run goes on from a condensed file, such as the tables that are published.

What the file holds is not run again: more seeds, items or methods are added to it, and one report
tells of all. Its texts are gone, which no report reads.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import condensed
from benchmarks.records import Record, prompt_digest
from benchmarks.store import RUN, Store, check_same
from domains.base import Item
from smc.errors import SettingsError


def adopt(store: Store, path: Path, items: Sequence[Item], settings: Mapping[str, Any]) -> None:
    """Put a condensed file's results into a store that has none; leave one alone that has begun.

    Args:
        store: Of the run that is to go on.
        path: What `report --records` wrote.
        items: Of the run. Older files do not tell the digests of prompts, and are taken to be of
            these.
        settings: Of the run.

    Raises:
        SettingsError: The file cannot be read, is of other settings, or is an older one with items
            that are not among these.
    """
    if store.read_run() is not None or store.has_records():
        return
    run, records = condensed.read(path)
    check_same(run["settings"], json.loads(json.dumps(settings)), f"--adopt: {path}")
    digests = {item.id: prompt_digest(item) for item in items}
    of_unit: dict[tuple[str, int], list[Record]] = {}
    for record in records:
        if "prompt_digest" not in record:
            if record["item"] not in digests:
                raise SettingsError(
                    f"--adopt: {path} has results of the item {record['item']!r}, which is not "
                    f"among the {len(items)} of this run, and does not tell its prompt; expected "
                    "all of its items. Ask for as many at least (--sample, --limit, --items), of "
                    "the same data."
                )
            record = {"prompt_digest": digests[record["item"]], **record}
        of_unit.setdefault((record["method"], record["seed"]), []).append(record)
    # First: where the rest is cut off, what is missing is run again.
    store.write(RUN, json.dumps(run, indent=2, ensure_ascii=False) + "\n")
    for (method, seed), own in of_unit.items():
        store.append(method, seed, own)
