"""The report: its rows against a second computation, its files, and what they must not hold."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.markdown import render
from benchmarks.report import read
from benchmarks.store import Store
from benchmarks.summary import summarise
from smc.settings import METHODS
from tests.benchmarks.test_run import TOY
from tests.benchmarks.toy import COUNT

SEEDS = 2


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "toy"
    assert main([*TOY, "--particles", "3", "--seeds", str(SEEDS), "--out", str(out)]) == 0
    return out


def record(item="x", method="smc", seed=0, weights=(1.0,), scores=({"good": 1.0},), **changes):
    """A record with what a summary reads."""
    return {
        "item": item,
        "method": method,
        "seed": seed,
        "weights": list(weights),
        "scores": list(scores),
        "population_scores": {},
        "status": "complete" if any(weights) else "extinct",
        "log_evidence": 0.0 if any(weights) else None,
        "ess": 1.0,
        "tokens": 5,
        "seconds": 0.5,
        "cpu_seconds": 0.5,
        "costs": {},
        **changes,
    }


def json_rows(folder, capsys):
    capsys.readouterr()
    assert main(["report", str(folder), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_has_a_row_a_method_with_the_names_that_scripts_rely_on(folder, capsys):
    before = set(folder.rglob("*"))
    rows = json_rows(folder, capsys)
    assert [r["method"] for r in rows] == list(METHODS)
    for row in rows:
        assert {"method", "mean", "low", "high", "items", "tokens", "seconds"} <= row.keys()
        assert row["low"] <= row["mean"] <= row["high"]
        assert row["items"] == COUNT
        assert row["runs"] == COUNT * SEEDS
    assert set(folder.rglob("*")) == before, "a report as JSON writes no files"


def test_rows_are_the_means_of_the_records(folder, capsys):
    records = Store(folder).records()
    for row in json_rows(folder, capsys):
        own = [r for r in records if r["method"] == row["method"]]
        means = [
            sum(w * s["short"] for w, s in zip(r["weights"], r["scores"], strict=True) if w > 0)
            for r in own
        ]
        assert row["mean"] == pytest.approx(sum(means) / len(means))
        assert row["tokens"] == pytest.approx(sum(r["tokens"] for r in own) / len(own))
        assert row["seconds"] == pytest.approx(sum(r["seconds"] for r in own) / len(own))
        assert row["extinct"] == sum(r["status"] == "extinct" for r in own)


def test_costs_are_those_of_the_records(folder, capsys):
    records = Store(folder).records()
    rows = {r["method"]: r for r in json_rows(folder, capsys)}
    assert not rows["lm"]["costs"]
    own = [r for r in records if r["method"] == "smc"]
    assert rows["smc"]["costs"].keys() == {name for r in own for name in r["costs"]}
    for name, cost in rows["smc"]["costs"].items():
        calls = sum(r["costs"][name]["calls"] for r in own)
        seconds = sum(r["costs"][name]["seconds"] for r in own)
        assert cost["calls"] == pytest.approx(calls / len(own))
        assert cost["microseconds"] == pytest.approx(seconds / calls * 1e6)
        tokens = sum(r["tokens"] for r in own)
        assert cost["milliseconds"] == pytest.approx(seconds / tokens * 1e3)


def test_differences_are_of_full_smc_on_the_same_items(folder, capsys):
    rows = {r["method"]: r for r in json_rows(folder, capsys)}
    assert set(rows["smc"]["differences"]) == set(METHODS) - {"smc"}
    for name, difference in rows["smc"]["differences"].items():
        assert difference["mean"] == pytest.approx(rows["smc"]["mean"] - rows[name]["mean"])
        assert difference["low"] <= difference["mean"] <= difference["high"]
    assert rows["is"]["differences"] == {}


def test_a_difference_leaves_out_items_that_only_one_has():
    records = [
        record("x", "smc", scores=({"good": 0.9},)),
        record("x", "is", scores=({"good": 0.4},)),
        record("y", "smc", scores=({"good": 0.0},)),
        record("x", "is", seed=1, scores=({"good": 0.0},)),
    ]
    (smc,) = [r for r in summarise(records, "good") if r.method == "smc"]
    assert smc.differences["is"].mean == pytest.approx(0.5)
    assert smc.differences["is"].items == 1


def test_an_extinct_posterior_scores_zero_and_has_no_properties():
    scores = ({"good": 0.8, "valid": 1.0, "weight": 250.0},)
    dead = record("y", weights=(0.0,), scores=({},), truncated=[False])
    records = [record("x", scores=scores, truncated=[True]), dead]
    (row,) = summarise(records, "good")
    assert row.score.mean == pytest.approx(0.4)
    assert row.scores["valid"].mean == pytest.approx(0.5)
    assert row.scores["weight"].mean == pytest.approx(250.0)
    assert row.scores["weight"].items == 1
    assert (row.extinct, row.truncated) == (1, 1.0)
    assert row.log_evidence == 0.0


def test_the_share_that_was_cut_is_told_where_the_records_tell_it():
    two = ({"good": 1.0}, {"good": 0.0})
    records = [
        record("x", weights=(0.25, 0.75), scores=two, truncated=[True, False]),
        record("y", weights=(0.5, 0.5), scores=two, truncated=[True, True]),
    ]
    (row,) = summarise(records, "good")
    assert row.truncated == pytest.approx(0.625)
    (row,) = summarise([record()], "good")
    assert math.isnan(row.truncated) and row.to_json()["truncated"] is None


def test_all_extinct_is_still_a_row():
    (row,) = summarise([record(weights=(0.0,), scores=({},))], "good")
    assert row.score.mean == 0.0
    assert math.isnan(row.log_evidence)
    assert row.to_json()["log_evidence"] is None


def test_a_score_that_only_some_texts_have_is_averaged_over_those():
    scores = ({"good": 1.0, "size": 10.0}, {"good": 0.0}, {"good": 1.0, "size": 30.0})
    (row,) = summarise([record(weights=(0.25, 0.5, 0.25), scores=scores)], "good")
    assert row.score.mean == pytest.approx(0.5)
    assert row.scores["size"].mean == pytest.approx(20.0)


def test_population_scores_that_are_not_defined_are_left_out():
    records = [record("x", population_scores={"unique": 0.5}), record("y")]
    (row,) = summarise(records, "good")
    assert row.scores["unique"].mean == 0.5
    assert row.scores["unique"].items == 1


def test_page_and_picture_are_written_where_they_are_named(folder, tmp_path, capsys):
    page, picture = tmp_path / "tables" / "toy.md", tmp_path / "pictures" / "toy.png"
    assert main(["report", str(folder), "--markdown", str(page), "--plot", str(picture)]) == 0
    text = page.read_text()
    assert text in capsys.readouterr().out
    assert "../pictures/toy.png" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    run = Store(folder).read_run()
    assert run is not None
    (start,) = run["starts"]
    for fact in (start["command"], start["commit"], start["machine"]["cpu"], start["date"]):
        assert fact in text
    for method in METHODS:
        assert f"| {method} |" in text
    assert "Not finished" not in text


def test_nothing_names_a_folder_of_the_machine(folder, capsys):
    assert main(["report", str(folder)]) == 0
    capsys.readouterr()
    for name in ("run.json", "report.md"):
        assert str(folder.parent) not in (folder / name).read_text()
    assert (folder / "report.png").is_file()


def test_the_command_written_down_is_one_that_can_be_given(folder):
    run = Store(folder).read_run()
    assert run is not None
    words = run["starts"][0]["command"].split()
    assert words[:5] == ["python", "-m", "benchmarks", "run", "tests.benchmarks.toy"]
    assert words[words.index("--particles") + 1] == "3"
    assert words[words.index("--resampling") + 1] == "multinomial"
    # The same settings, spelt out, go on in the same folder.
    assert main([*words[3:], "--out", str(folder)]) == 0


def test_an_unfinished_run_says_so(tmp_path, capsys):
    assert main([*TOY, "--methods", "is,smc", "--out", str(tmp_path)]) == 0
    path = Store(tmp_path).path("smc", 0)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]) + b'{"item": ')
    capsys.readouterr()
    assert main(["report", str(tmp_path)]) == 0
    assert f"smc: {COUNT - 2} of {COUNT}" in capsys.readouterr().out


def test_a_folder_without_results_is_explained(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "run.json" in capsys.readouterr().err


def test_a_picture_in_an_unknown_format_is_explained(folder, tmp_path, capsys):
    assert main(["report", str(folder), "--json", "--plot", str(tmp_path / "x.nonsense")]) == 2
    assert "--plot" in capsys.readouterr().err


def test_a_condensed_file_gives_the_same_page_and_holds_no_text(folder, tmp_path, capsys):
    short, pages = tmp_path / "toy.jsonl", [tmp_path / "1.md", tmp_path / "2.md"]
    picture = str(tmp_path / "toy.png")
    for source, page in zip((folder, short), pages, strict=True):
        extra = ["--records", str(short)] if source == folder else []
        command = ["report", str(source), "--markdown", str(page), "--plot", picture, *extra]
        assert main(command) == 0
    assert pages[0].read_text() == pages[1].read_text()
    texts = {t for r in Store(folder).records() for t in r["texts"] if len(t) > 1}
    assert texts and not any(json.dumps(t) in short.read_text() for t in texts)


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"settings": {}, "starts": []}\n{"item": "x"}', "{"]
)
def test_what_is_no_condensed_file_is_named(text, tmp_path, capsys):
    path = tmp_path / "other.jsonl"
    path.write_text(text)
    assert main(["report", str(path)]) == 2
    error = capsys.readouterr().err
    assert "other.jsonl" in error and "report --records" in error


RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.mark.parametrize("name", sorted(p.stem for p in RESULTS.glob("*.jsonl")) or ["none"])
def test_published_tables_are_those_of_their_records(name):
    if name == "none":
        pytest.skip("no condensed results are published")
    run, records = read(RESULTS / f"{name}.jsonl")
    rows = summarise(records, run["settings"]["primary"])
    page = (RESULTS / f"{name}.md").read_text()
    assert page.startswith(render(run, rows, picture=f"{name}.png"))


def test_columns_do_not_depend_on_the_order_of_the_records():
    run, records = read(RESULTS / "ds1000-qwen-0.5b.jsonl")
    rows = summarise(records, run["settings"]["primary"])
    assert len(rows[0].scores) > 5
    backwards = summarise(records[::-1], run["settings"]["primary"])
    assert [list(row.scores) for row in backwards] == [list(row.scores) for row in rows]
