"""The result store where the disk refuses, or something else has been at it."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.store import Store
from tests.benchmarks.test_run import ROOT, SMALL, TOY, results, run

LIMITED = """\
import resource, sys
from benchmarks.__main__ import main
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


def files(folder: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file() and p.name != ".lock"}


def limited(out: Path, size: int) -> subprocess.CompletedProcess[str]:
    """Run where no file may be larger than so many bytes, as on a disk that is full by then."""
    command = [sys.executable, "-c", LIMITED, str(size), *TOY, *SMALL, "--out", str(out)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_a_full_disk_loses_nothing_and_the_run_goes_on(tmp_path):
    whole = tmp_path / "whole"
    assert run(whole) == 0
    size = Store(whole).path("lm", 0).stat().st_size
    out = tmp_path / "out"
    done = limited(out, size // 2)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "--out" in done.stderr and "room on the disk" in done.stderr
    # The batches that fitted are there, and nothing of the one that did not.
    left = Store(out).path("lm", 0).read_bytes()
    assert 0 < len(left) <= size // 2 and left.endswith(b"\n")
    assert [json.loads(line)["item"] for line in left.splitlines()] == ["toy-0", "toy-1", "toy-2"]
    assert run(out) == 0
    assert Store(out).path("lm", 0).read_bytes().startswith(left)
    assert results(out) == results(whole)


def test_a_disk_that_is_full_at_once_leaves_run_json_as_it_was(tmp_path):
    assert run(tmp_path, "--limit", "1") == 0
    before = files(tmp_path)
    done = limited(tmp_path, 10)
    assert done.returncode == 2 and "room on the disk" in done.stderr, done.stderr
    assert files(tmp_path) == before


def test_an_error_while_bringing_to_disk_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    assert run(tmp_path, "--limit", "1", "--methods", "lm") == 0
    store = Store(tmp_path)
    before = store.path("lm", 0).read_bytes()

    def refuse(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", refuse)
        with pytest.raises(Exception, match="Input/output error; expected a disk that works"):
            store.append("lm", 0, [{"item": "another"}])
    assert store.path("lm", 0).read_bytes() == before


@pytest.mark.parametrize("error", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_not_be_written_is_explained(tmp_path, capsys, monkeypatch, error):
    def refuse(*_args: object, **_named: object) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert run(tmp_path / "out") == 2
    said = capsys.readouterr().err
    assert os.strerror(error) in said and "may be read and written" in said


def test_files_and_folders_in_the_place_of_each_other_are_explained(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        assert run(out) == 2
        assert "--out" in (said := capsys.readouterr().err) and "Traceback" not in said
    for name, kind in (("lm", "file"), ("lm/seed-0.jsonl", "folder"), ("run.json", "folder")):
        out = tmp_path / name.replace("/", "-")
        place = out / name
        place.parent.mkdir(parents=True)
        place.write_text("mine") if kind == "file" else place.mkdir()
        assert run(out) == 2, name
        assert name.split("/")[0] in capsys.readouterr().err
        assert place.exists()
    assert (tmp_path / "file").read_text() == "mine"


FIELDS = "item method seed prompt_digest status log_evidence ess tokens seconds cpu_seconds".split()
FIELDS += "costs weights scores population_scores".split()


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("done")
    assert run(out, "--limit", "2", "--methods", "lm") == 0
    return out


def changed(done: Path, out: Path, **fields: object) -> None:
    """Copy a run's folder, with other values in its first record; `...` takes a field out."""
    for path, content in files(done).items():
        target = out / path.relative_to(done)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    path = Store(out).path("lm", 0)
    first, *rest = path.read_text().splitlines()
    record = {k: v for k, v in (json.loads(first) | fields).items() if v is not ...}
    path.write_text("\n".join([json.dumps(record), *rest]) + "\n")


@pytest.mark.parametrize("name", FIELDS)
def test_a_record_without_a_field_is_named(done, tmp_path, capsys, name):
    for value, said in ((..., f"has no '{name}'"), ([[]], f"has [[]] under '{name}'")):
        out = tmp_path / str(value is ...)
        changed(done, out, **{name: value})
        before = files(out)
        for command in (["report", str(out)], [*TOY, *SMALL, "--out", str(out)]):
            assert main(command) == 2
            error = capsys.readouterr().err
            assert "seed-0.jsonl, line 1 " + said in error and "run again" in error
            before_results = {p: c for p, c in before.items() if p.suffix == ".jsonl"}
            assert {p: files(out)[p] for p in before_results} == before_results


@pytest.mark.parametrize(
    "fields",
    [
        {"weights": [1.0]},
        {"weights": [float("nan")] * 4},
        {"scores": [{"short": "good"}] * 4},
        {"costs": {"Judge": {"calls": 3}}},
        {"seed": True},
    ],
)
def test_values_that_cannot_be_are_named(done, tmp_path, capsys, fields):
    changed(done, tmp_path, **fields)
    assert main(["report", str(tmp_path)]) == 2
    assert "seed-0.jsonl, line 1 has" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("\udcff", "is not JSON"),
        ("[]", "an object with `settings` and `starts`"),
        ('{"settings": {}, "starts": 3}', "an object with `settings` and `starts`"),
        ('{"settings": {}, "starts": []}', "'domain' among"),
    ],
)
def test_a_run_json_of_something_else_is_explained(done, tmp_path, capsys, content, said):
    changed(done, tmp_path)
    (tmp_path / "run.json").write_bytes(content.encode(errors="surrogateescape"))
    assert main(["report", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_a_start_without_its_fields_is_explained(done, tmp_path, capsys):
    changed(done, tmp_path)
    content = json.loads((tmp_path / "run.json").read_text())
    del content["starts"][0]["machine"]
    (tmp_path / "run.json").write_text(json.dumps(content))
    assert main(["report", str(tmp_path)]) == 2
    assert "'machine' among" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_explained(done, tmp_path, capsys):
    changed(done, tmp_path)
    (tmp_path / "file").write_text("mine")
    for name in ("--markdown", "--plot"):
        assert main(["report", str(tmp_path), name, str(tmp_path / "file" / "below")]) == 2
        assert name in capsys.readouterr().err
