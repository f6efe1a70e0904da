"""The command `cost`: a point for each run and method, at what it cost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from tests.benchmarks.test_run import TOY

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = []
    for particles in (1, 2, 4):
        out = tmp_path_factory.mktemp("runs") / f"toy-{particles}"
        command = [*TOY, "--methods", "lm,smc", "--particles", str(particles), "--out", str(out)]
        assert main(command) == 0
        made.append(out)
    return made


def test_a_point_for_each_run_and_method(folders, tmp_path, capsys):
    assert main(["cost", *map(str, folders), "--out", str(tmp_path)]) == 0
    points = json.loads((tmp_path / "cost.json").read_text())
    assert [p["particles"] for p in points] == [1, 2, 4] * 2
    for line in ("lm", "smc"):
        own = [p for p in points if p["line"].endswith(f" {line}")]
        assert len(own) == 3
        tokens = [p["tokens"] for p in own]
        assert tokens == sorted(tokens) and tokens[0] < tokens[-1], "more particles, more tokens"
    rows = {}
    for folder, particles in zip(folders, (1, 2, 4), strict=True):
        capsys.readouterr()
        assert main(["report", str(folder), "--json"]) == 0
        rows[particles] = json.loads(capsys.readouterr().out)
    for point in points:
        row = next(r for r in rows[point["particles"]] if point["line"].endswith(r["method"]))
        assert point["mean"] == row["mean"] and point["tokens"] == row["tokens"]
    page = (tmp_path / "cost.md").read_text()
    assert "python -m benchmarks run" in page and str(tmp_path) not in page
    for name in ("tokens", "seconds", "cpu_seconds"):
        assert (tmp_path / f"cost-{name}.png").stat().st_size > 1000


def test_only_some_methods(folders, tmp_path):
    assert main(["cost", *map(str, folders), "--methods", "smc", "--out", str(tmp_path)]) == 0
    assert len(json.loads((tmp_path / "cost.json").read_text())) == 3


def test_other_items_are_not_compared(folders, tmp_path, capsys):
    few = tmp_path / "few"
    assert main([*TOY, "--methods", "smc", "--limit", "2", "--out", str(few)]) == 0
    assert main(["cost", str(folders[0]), str(few), "--out", str(tmp_path / "c")]) == 2
    assert "hold other items (2 and 7)" in capsys.readouterr().err


def test_only_the_items_that_all_have(folders, tmp_path, capsys):
    few, out = tmp_path / "few", tmp_path / "cost"
    command = [*TOY, "--methods", "smc", "--limit", "2", "--particles", "8"]
    assert main([*command, "--out", str(few)]) == 0
    assert main(["cost", str(folders[1]), str(few), "--common", "--out", str(out)]) == 0
    points = json.loads((out / "cost.json").read_text())
    assert [p["items"] for p in points] == [2, 2, 2]
    capsys.readouterr()
    own = tmp_path / "own"
    own_command = [*TOY, "--methods", "lm,smc", "--limit", "2", "--particles", "2"]
    assert main([*own_command, "--out", str(own)]) == 0
    capsys.readouterr()
    assert main(["report", str(own), "--json"]) == 0
    rows = {row["method"]: row for row in json.loads(capsys.readouterr().out)}
    for point in points[:2]:
        row = rows[point["line"].rpartition(" ")[2]]
        assert (point["mean"], point["tokens"]) == (row["mean"], row["tokens"])


@pytest.mark.parametrize(
    ("domain", "points"), [("gdb17", 12), ("spider", 17), ("planetarium", 12), ("ds1000", 10)]
)
def test_the_published_curve_is_that_of_its_records(domain, points, tmp_path):
    page = (RESULTS / f"{domain}-cost.md").read_text()
    made_by = page.split("python -m benchmarks cost ")[1].split("--out")[0].split()
    given = [str(RESULTS / word) if word.endswith(".jsonl") else word for word in made_by]
    assert main(["cost", *given, "--out", str(tmp_path)]) == 0
    rows = [x for x in (tmp_path / "cost.md").read_text().splitlines() if x.startswith("|")]
    assert len(rows) == 2 + points and "\n".join(rows) in page


def test_methods_that_nobody_ran_are_named(folders, tmp_path, capsys):
    assert main(["cost", str(folders[0]), "--methods", "is", "--out", str(tmp_path)]) == 2
    assert "no results of 'is'" in capsys.readouterr().err
