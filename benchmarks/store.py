"""Result store: OUT/run.json, and one line an item in OUT/METHOD/seed-K.jsonl.

Lines are appended and brought to disk a batch at a time. Whatever kills a run, what remains is
whole lines and at most one torn one at the end of a file, which is dropped when the run goes on.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.records import Record
from smc.errors import SettingsError

RUN = "run.json"


class Store:
    """The folder of one benchmark: one domain, one model, one number of particles."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder; released by the system, however the process ends.

        Raises:
            SettingsError: Another run is writing there.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / ".lock", "w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise SettingsError(
                    f"--out: another run is writing to {self.folder}; wait for it, or give "
                    "another folder."
                ) from error
            yield

    def read_run(self) -> dict[str, Any] | None:
        """Return what run.json holds; None if there is none."""
        path = self.folder / RUN
        if not path.is_file():
            return None
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise SettingsError(
                f"{path} is not JSON ({error}); expected what `benchmarks run` wrote. Give "
                "another folder, or restore the file."
            ) from error

    def begin(self, settings: Mapping[str, Any], start: Mapping[str, Any]) -> None:
        """Write run.json, or add a start to it.

        Args:
            settings: What all results in the folder must have in common.
            start: This start: command, date, machine, …

        Raises:
            SettingsError: The folder holds results of other settings.
        """
        run = self.read_run()
        common = json.loads(json.dumps(settings))  # tuples become lists, as in the file
        if run is None:
            if next(self.folder.glob("*/seed-*.jsonl"), None) is not None:
                raise SettingsError(
                    f"--out: {self.folder} holds results but no {RUN}, so what they are of is "
                    "unknown; give another folder."
                )
            run = {"format": 1, "settings": common, "starts": []}
        if "variant" in common:  # a folder from before tasks had variants does not say which
            run["settings"].setdefault("variant", common["variant"])
        self._check_same(run["settings"], common)
        run["starts"].append(dict(start))
        self._replace(self.folder / RUN, json.dumps(run, indent=2, ensure_ascii=False) + "\n")

    def append(self, method: str, seed: int, records: Sequence[Record]) -> None:
        """Write records, and return once they are on disk."""
        path = self.path(method, seed)
        created = not path.exists()
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(r, ensure_ascii=False, allow_nan=False) + "\n" for r in records]
        with open(path, "ab") as file:
            file.write("".join(lines).encode())
            file.flush()
            os.fsync(file.fileno())
        if created:
            _sync_folder(path.parent)
            _sync_folder(self.folder)

    def repair(self, method: str, seed: int) -> list[Record]:
        """Cut a torn last line off, and return the records that are left."""
        path = self.path(method, seed)
        if not path.exists():
            return []
        records, whole = read_lines(path)
        if whole < path.stat().st_size:
            with open(path, "r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())
        return records

    def records(self) -> list[Record]:
        """Return all records; a torn last line, of a run that goes on, is left out."""
        paths = sorted(self.folder.glob("*/seed-*.jsonl"))
        return [record for path in paths for record in read_lines(path)[0]]

    def path(self, method: str, seed: int) -> Path:
        """Where the results of a method and a seed are."""
        return self.folder / method / f"seed-{seed}.jsonl"

    def _check_same(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        names = [n for n in {**old, **new} if old.get(n) != new.get(n)]
        if names:
            changes = "; ".join(f"{n} was {old.get(n)!r}, is now {new.get(n)!r}" for n in names)
            raise SettingsError(
                f"--out: {self.folder} holds results of other settings: {changes}. They cannot "
                "be mixed; use the settings of before, or give another folder."
            )

    def _replace(self, path: Path, text: str) -> None:
        """Write a file such that it is there whole, as before or as after."""
        draft = path.with_name(path.name + ".new")
        with open(draft, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
        _sync_folder(path.parent)


def read_lines(path: Path) -> tuple[list[Record], int]:
    """Return the records of a file, and the bytes that they take up from its beginning.

    Raises:
        SettingsError: A line other than the last cannot be read, or an item stands there twice.
    """
    raw = path.read_bytes()
    lines = raw.splitlines(keepends=True)
    records: list[Record] = []
    whole = 0
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except ValueError:
            record = None
        if not isinstance(record, dict):
            if number == len(lines):
                break
            raise SettingsError(
                f"{path}, line {number}: not a record; expected one JSON object a line. The file "
                "was changed by something else; remove the line, and its item is run again."
            )
        records.append(record)
        whole += len(line)
    seen: set[str] = set()
    for record in records:
        if record["item"] in seen:
            raise SettingsError(
                f"{path}: the item {record['item']!r} stands there twice; remove one of the lines."
            )
        seen.add(record["item"])
    return records, whole


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
