"""Journals of long studies: what is left by a kill, a full disk or another hand."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

import benchmarks
from benchmarks import disk, journal
from smc.errors import SettingsError

RECORDS = [{"item": "a", "right": 1}, ["b", 2.5], {"item": "é", "text": "x\u2028y\n"}]


def test_what_was_appended_is_read(tmp_path):
    path = tmp_path / "records.jsonl"
    assert journal.read(path) == []
    journal.append(path, RECORDS[:1])
    journal.append(path, RECORDS[1:])
    assert journal.read(path) == RECORDS


@pytest.mark.parametrize("kept", [1, 5, 20])
def test_a_torn_last_line_is_not_read_and_is_cut_off_by_the_next_append(tmp_path, kept):
    path = tmp_path / "records.jsonl"
    journal.append(path, RECORDS[:2])
    torn = json.dumps(RECORDS[0])[:kept]
    path.write_bytes(path.read_bytes() + torn.encode())
    assert journal.read(path) == RECORDS[:2]
    assert path.read_bytes().endswith(torn.encode())  # a reader changes nothing
    journal.append(path, RECORDS[2:])
    assert journal.read(path) == RECORDS


def test_a_torn_line_longer_than_a_block_is_cut_off_whole(tmp_path):
    path = tmp_path / "records.jsonl"
    journal.append(path, RECORDS[:1])
    path.write_bytes(path.read_bytes() + b'{"text": "' + b"x" * 200_000)
    journal.append(path, RECORDS[1:])
    assert journal.read(path) == RECORDS
    path.write_bytes(b"y" * 150_000)  # nothing but a torn line
    journal.append(path, RECORDS)
    assert journal.read(path) == RECORDS


def test_a_line_that_something_else_changed_is_named(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"item": 1}\n{"item": \n{"item": 3}\n')
    with pytest.raises(SettingsError, match=r"records.jsonl, line 2: got .*one JSON value.*remove"):
        journal.read(path)


def test_a_full_disk_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "records.jsonl"
    journal.append(path, RECORDS[:2])
    before, write = path.read_bytes(), os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) < 5:
            raise OSError(28, "No space left on device")
        return write(handle, data[: len(data) - 4])

    monkeypatch.setattr(disk.os, "write", full)
    with pytest.raises(SettingsError, match=r"--out: .*No space left.*make room"):
        journal.append(path, RECORDS[2:])
    assert path.read_bytes() == before


def test_studies_append_by_the_journal_alone():
    """So that none is lost to a torn line: a study that wrote by itself could not go on."""
    folder = Path(benchmarks.__file__).parent
    own = [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*.py"))
        if '.open("a"' in path.read_text("utf-8") or '"ab")' in path.read_text("utf-8")
    ]
    assert own == ["sharper/__main__.py"]  # which adds a section to a page
