"""Condensed results: one file from which a run's tables are computed again, without its texts.

The first line is run.json; each further line a record with what summaries read. Texts of a run that
are scored alike and ended alike become one, with the sum of their weights; so the file is small,
and holds nothing of what a model wrote or a data set asked, but for the items' names and digests of
their prompts. Numbers keep all their digits: a table divides seconds by thousands of calls, and
shows what is left.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.disk import explained_disk
from benchmarks.records import Record
from smc.errors import SettingsError

_KEPT = (
    "item method seed status log_evidence ess tokens seconds cpu_seconds costs population_scores"
).split()


def write(path: Path, run: Mapping[str, Any], records: Sequence[Record]) -> None:
    """Write a run and its records.

    Raises:
        SettingsError: The disk refuses.
    """
    ordered = sorted(records, key=lambda r: (r["method"], r["seed"], r["item"]))
    lines = [
        json.dumps(x, ensure_ascii=False, allow_nan=False) for x in [run, *map(_short, ordered)]
    ]
    with explained_disk(path, "--records"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def read(path: Path) -> tuple[dict[str, Any], list[Record]]:
    """Return run.json and the records of a file that `write` made.

    Raises:
        SettingsError: It cannot be read, or is none.
    """
    with explained_disk(path, "report"):
        text = path.read_text(encoding="utf-8")
    try:
        run, *records = (json.loads(line) for line in text.splitlines())
        if not {"settings", "starts"} <= run.keys():
            raise KeyError("settings, starts")
        if not all(set(_KEPT) <= record.keys() for record in records):
            raise KeyError("a record without all of " + ", ".join(_KEPT))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingsError(
            f"report: {path} is not what `report --records` writes ({error!r}); expected run.json "
            "in the first line, a record in each other one. Give such a file, or the --out folder "
            "of a run."
        ) from error
    return run, records


def _short(record: Record) -> Record:
    """What summaries read of a record."""
    groups: dict[str, tuple[dict[str, float], bool | None, list[float]]] = {}
    cuts = record.get("truncated") or [None] * len(record["weights"])
    for weight, scores, cut in zip(record["weights"], record["scores"], cuts, strict=True):
        key = json.dumps([scores, cut], sort_keys=True)
        groups.setdefault(key, (scores, cut, []))[2].append(weight)
    weights = [math.fsum(own) for _, _, own in groups.values()]
    kept = {key: record[key] for key in _KEPT}
    if "prompt_digest" in record:  # older files do not tell
        kept["prompt_digest"] = record["prompt_digest"]
    kept["costs"] = {
        name: {"calls": cost["calls"], "seconds": cost["seconds"]}
        for name, cost in record["costs"].items()
    }
    kept["weights"] = weights
    kept["scores"] = [scores for scores, _, _ in groups.values()]
    if record.get("truncated") is not None:
        kept["truncated"] = [cut for _, cut, _ in groups.values()]
    return kept
