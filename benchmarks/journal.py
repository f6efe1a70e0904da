"""A journal: the records of a long study, one JSON value a line, that survives being cut off.

Whatever kills a study, what remains is whole lines and at most one torn one at the end, which is
not read, and cut off by the next append.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.disk import append_whole, explained_disk
from smc.errors import SettingsError


def read(path: Path) -> list[Any]:
    """Return the records of a journal; none where there is no file.

    Raises:
        SettingsError: A line other than a torn last one is no JSON, or the disk refuses.
    """
    with explained_disk(path, "--out"):
        raw = path.read_bytes() if path.exists() else b""
    whole = raw[: raw.rfind(b"\n") + 1]
    records: list[Any] = []
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            records.append(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise SettingsError(
                f"{path.name}, line {number}: got {line[:40]!r}, expected one JSON value. The file "
                "was changed by something else; remove the line, and what it held is done again."
            ) from error
    return records


def append(path: Path, records: Sequence[Any]) -> None:
    """Write records behind what is there; they are on disk, all or none, when this returns.

    Raises:
        SettingsError: The disk refuses; what was there before is as it was.
    """
    text = "".join(json.dumps(r, ensure_ascii=False, allow_nan=False) + "\n" for r in records)
    with explained_disk(path, "--out"):
        append_whole(path, text.encode())
