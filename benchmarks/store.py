"""Result store: OUT/run.json, and one line an item in OUT/METHOD/seed-K.jsonl.

Lines are appended and brought to disk a batch at a time. Whatever kills a run, what remains is
whole lines and at most one torn one at the end of a file, which is dropped when the run goes on.
Where the disk refuses, the error says so, and what was there before is as it was.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.disk import append_whole, explained_disk, sync_folder
from benchmarks.records import Record, complaint
from smc.errors import SettingsError

RUN = "run.json"

Complaint = Callable[[Mapping[str, Any]], str | None]
"""What is wrong with a record that was read; None if nothing is."""


class Store:
    """The folder of one benchmark: one domain, one model, one number of particles.

    Args:
        folder: Made when a run is begun.
        complaint: What its records are held against.
    """

    def __init__(self, folder: Path, complaint: Complaint = complaint) -> None:
        self.folder = folder
        self._complaint = complaint

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other runs out of the folder; released by the system, however the process ends.

        Raises:
            SettingsError: Another run is writing there, or nothing can be.
        """
        with explained_disk(self.folder, "--out"):
            self.folder.mkdir(parents=True, exist_ok=True)
            handle = open(self.folder / ".lock", "w")  # noqa: SIM115
        with handle:
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
        with explained_disk(path, "--out"):
            if not path.exists():
                return None
            text = path.read_bytes()
        try:
            run = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise SettingsError(
                f"{path} is not JSON ({error}); expected what `benchmarks run` wrote. Give "
                "another folder, or restore the file."
            ) from error
        settings = run.get("settings") if isinstance(run, dict) else None
        starts = run.get("starts") if isinstance(run, dict) else None
        if not isinstance(settings, dict) or not isinstance(starts, list):
            raise self._foreign("an object with `settings` and `starts`")
        return run

    def stated(self, settings: Sequence[str], start: Sequence[str]) -> dict[str, Any]:
        """Return what run.json holds, checked to state what a report tells.

        Args:
            settings: Names in its settings.
            start: Names in each of its starts, of which there is one at least.

        Raises:
            SettingsError: There is no run.json, or it does not state all of these.
        """
        run = self.read_run()
        if run is None:
            raise SettingsError(
                f"--out: no {RUN} in {self.folder}; expected the folder of a run that has begun."
            )
        for place, names in ((run["settings"], settings), *((s, start) for s in run["starts"])):
            missing = [n for n in names if not isinstance(place, dict) or n not in place]
            if missing:
                raise self._foreign(f"{missing[0]!r} among {', '.join(names)}")
        if not run["starts"]:
            raise self._foreign("one start at least")
        return run

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
            if self.has_records():
                raise SettingsError(
                    f"--out: {self.folder} holds results but no {RUN}, so what they are of is "
                    "unknown; give another folder."
                )
            run = {"format": 1, "settings": common, "starts": []}
        check_same(run["settings"], common, f"--out: {self.folder}")
        run["starts"].append(dict(start))
        self.write(RUN, json.dumps(run, indent=2, ensure_ascii=False) + "\n")

    def write(self, name: str, text: str) -> None:
        """Write a file such that it is there whole, as before or as after."""
        path = self.folder / name
        draft = path.with_name(path.name + ".new")
        with explained_disk(path, "--out"):
            try:
                with open(draft, "w", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(draft, path)
            except OSError:
                draft.unlink(missing_ok=True)
                raise
            sync_folder(path.parent)

    def append(self, method: str, seed: int, records: Sequence[Record]) -> None:
        """Write records, and return once they are on disk."""
        path = self.path(method, seed)
        lines = [json.dumps(r, ensure_ascii=False, allow_nan=False) + "\n" for r in records]
        with explained_disk(path, "--out"):
            created = not path.parent.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            append_whole(path, "".join(lines).encode())
            if created:
                sync_folder(self.folder)

    def repair(self, method: str, seed: int) -> list[Record]:
        """Cut a torn last line off, and return the records that are left."""
        path = self.path(method, seed)
        with explained_disk(path, "--out"):
            if not path.exists():
                return []
            records, whole = read_lines(path, self._complaint)
            if whole < path.stat().st_size:
                with open(path, "r+b") as file:
                    file.truncate(whole)
                    os.fsync(file.fileno())
        return records

    def records(self) -> list[Record]:
        """Return all records; a torn last line, of a run that goes on, is left out."""
        with explained_disk(self.folder, "--out"):
            paths = sorted(self.folder.glob("*/seed-*.jsonl"))
            return [r for path in paths for r in read_lines(path, self._complaint)[0]]

    def has_records(self) -> bool:
        """Whether there is a file of results, empty or not."""
        return next(self.folder.glob("*/seed-*.jsonl"), None) is not None

    def seeds(self, method: str) -> list[int]:
        """Return the seeds that a method has results of."""
        with explained_disk(self.folder / method, "--out"):
            stems = [
                p.stem.removeprefix("seed-") for p in (self.folder / method).glob("seed-*.jsonl")
            ]
        return sorted(int(stem) for stem in stems if stem.isdecimal())

    def path(self, method: str, seed: int) -> Path:
        """Where the results of a method and a seed are."""
        return self.folder / method / f"seed-{seed}.jsonl"

    def _foreign(self, expected: str) -> SettingsError:
        return SettingsError(
            f"{self.folder / RUN} is not what a run writes; expected {expected}. Give another "
            "folder, or restore the file."
        )


def check_same(old: dict[str, Any], new: Mapping[str, Any], where: str) -> None:
    """Check that results are of the settings of a run.

    Args:
        old: Of the results; what there was not yet when they were written is added.
        new: Of the run, as JSON has them.
        where: Names the results in an error.

    Raises:
        SettingsError: They are others, which are named.
    """
    if "variant" in new:  # a folder from before tasks had variants does not say which
        old.setdefault("variant", new["variant"])
    if "backend" in new:  # of which there was one
        old.setdefault("backend", "transformers")
    if "retries" in new:  # there were none
        old.setdefault("retries", 0)
    names = [n for n in {**old, **new} if old.get(n) != new.get(n)]
    if names:
        changes = "; ".join(f"{n} was {old.get(n)!r}, is now {new.get(n)!r}" for n in names)
        raise SettingsError(
            f"{where} holds results of other settings: {changes}. They cannot be mixed; use the "
            "settings of before, or give another folder or file."
        )


def read_lines(path: Path, complaint: Complaint = complaint) -> tuple[list[Record], int]:
    """Return the records of a file, and the bytes that they take up from its beginning.

    Args:
        path: Of the file.
        complaint: What the records are held against.

    Raises:
        SettingsError: A line other than the last cannot be read, an item stands there twice, or a
            record is not as it must be.
        OSError: The file cannot be read.
    """
    raw = path.read_bytes()
    lines = raw.splitlines(keepends=True)
    records: list[Record] = []
    whole = 0
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line) if line.endswith(b"\n") else None
        except (ValueError, RecursionError):
            record = None
        if not isinstance(record, dict) and number == len(lines):
            break  # torn
        wrong = complaint(record) if isinstance(record, dict) else "is not a record"
        if wrong or not isinstance(record, dict):
            raise SettingsError(
                f"{path}, line {number} {wrong}; expected what this version writes, one JSON "
                "object a line. The file was changed by something else, or is of another version; "
                "remove the line, and its item is run again."
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
