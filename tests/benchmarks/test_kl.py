"""The command `kl` and its statistic: against enumeration, and what it refuses."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from benchmarks import kl
from benchmarks.__main__ import main
from benchmarks.divergence import divergence, divergences, improper_bound, median_item
from benchmarks.report import read
from benchmarks.selection import Selection
from benchmarks.tasks import load_items, load_task
from domains.base import Item
from smc.errors import SettingsError
from tests.benchmarks.test_run import TOY
from tests.benchmarks.toy import COUNT

LIKE = ["kl", *TOY[1:], "--particles", "3"]


def test_the_statistic_counts_what_died_out():
    told = divergence("smc", [-1.0, -3.0, -math.inf, -math.inf])
    assert told.finite == 0.5 and told.bound == pytest.approx(-2.0 + math.log(0.5))
    assert told.low <= told.bound <= told.high
    dead = divergence("smc", [-math.inf] * 3)
    assert dead.bound == -math.inf and dead.to_json()["bound"] is None


def test_the_bound_of_improper_weights_is_minus_the_divergence_of_the_extended_target():
    """By enumeration over which particle of a given population is answered.

    With one population of distribution q and target p̃ = w q, the answer is k with probability u_k:
    KL on the extended space is Σ_k ū_k log(ū_k N Z / w_k), and the bound is log Z minus it.
    """
    log_u = np.log([0.2, 0.5, 1.0])
    log_w = np.log([0.4, 0.1, 0.7])
    share = np.exp(log_u) / np.exp(log_u).sum()
    expected = -sum(s * math.log(s * 3 / w) for s, w in zip(share, np.exp(log_w), strict=True))
    assert improper_bound(log_u, log_w) == pytest.approx(expected)
    assert improper_bound(log_w, log_w) == pytest.approx(math.log(np.exp(log_w).mean()))
    assert improper_bound(log_u, log_w) < math.log(np.exp(log_w).mean())


def test_weights_of_zero_are_nobodys_answer():
    log_u = np.array([-math.inf, 0.0])
    assert improper_bound(log_u, log_u) == pytest.approx(math.log(0.5))


def test_the_item_nearest_to_the_median_of_distinct_scores():
    records = [{"item": i, "seed": 0} for i in "abcd"]
    scores = {("a", 0): 0.0, ("b", 0): 0.0, ("c", 0): 0.4, ("d", 0): 1.0}
    assert median_item(records, scores) == "c"
    with pytest.raises(SettingsError, match="--like: no results"):
        median_item([], {})


def test_it_chooses_an_item_runs_it_and_leaves_table_and_picture(tmp_path, capsys):
    results, out = tmp_path / "toy", tmp_path / "kl"
    assert main([*TOY, "--particles", "3", "--methods", "smc", "--out", str(results)]) == 0
    command = [*LIKE, "--like", str(results), "--seeds", "20", "--out", str(out)]
    assert main(command) == 0
    told = json.loads((out / "kl.json").read_text())
    assert told["item"] in {f"toy-{i}" for i in range(COUNT)}
    assert [m["method"] for m in told["methods"]] == ["rerank", "is", "smc"]
    for method in told["methods"]:
        assert method["runs"] == 20
        assert method["low"] <= method["bound"] <= method["high"] <= 0.0
    page = (out / "kl.md").read_text()
    assert told["item"] in page and "E[log Ẑ]" in page and str(tmp_path) not in page
    assert (out / "kl.png").stat().st_size > 1000
    assert main(command) == 0, "again: it resumes, and finds everything there"


def test_what_cannot_be_told_is_refused(tmp_path, capsys):
    assert main([*LIKE, "--out", str(tmp_path)]) == 2
    assert "--like FOLDER" in capsys.readouterr().err
    assert main([*LIKE, "--items", "toy-1", "--methods", "lm", "--out", str(tmp_path)]) == 2
    assert "rerank,is,smc" in capsys.readouterr().err
    lonely = [*LIKE, "--items", "toy-1", "--methods", "rerank", "--seeds", "2"]
    assert main([*lonely, "--out", str(tmp_path / "lonely")]) == 2
    assert "rerank needs runs of is" in capsys.readouterr().err


def test_samples_are_nested_and_keep_the_order_of_the_data():
    task = load_task("tests.benchmarks.toy")
    ids = [i.id for i in load_items(task, Selection(), None)]
    chosen = [[i.id for i in load_items(task, Selection(sample=k), None)] for k in range(1, COUNT)]
    for few, more in pairwise(chosen):
        assert set(few) < set(more)
        assert [i for i in ids if i in more] == more
    assert chosen[2] != ids[:3], "not the first"


@pytest.mark.parametrize(
    "change, said",
    [({"limit": 0}, "--limit"), ({"sample": -1}, "--sample")],
    ids=["limit", "sample"],
)
def test_a_selection_of_nothing_is_refused(change, said):
    with pytest.raises(SettingsError, match=said):
        Selection(**change)


def test_an_unknown_id_is_named():
    with pytest.raises(SettingsError, match="no item has the id 'z'; expected ids such as 'a'"):
        Selection(ids=("z",)).of([Item("a", "x")])


@pytest.mark.parametrize("domain", ["gdb17", "spider", "planetarium", "ds1000"])
def test_the_published_page_is_that_of_its_records(domain):
    results = Path(kl.__file__).parent / "results"
    _, records = read(results / "kl" / f"{domain}-qwen-0.5b.jsonl")
    assert {(r["method"], r["seed"]) for r in records} == {
        (method, seed) for method in ("is", "smc") for seed in range(40)
    }
    page = (results / f"kl-{domain}-qwen-0.5b.md").read_text("utf-8")
    for order in (records, records[::-1]):
        for row in kl._rows(divergences(order, ["is", "smc"])):
            assert row in page


@pytest.mark.parametrize("threshold", [0.5, 0.25])
def test_other_thresholds_are_those_of_their_records(threshold):
    results = Path(kl.__file__).parent / "results"
    name = f"gdb17-qwen-0.5b-{100 * threshold:.0f}.jsonl"
    run, records = read(results / "kl" / name)
    assert run["settings"]["ess_threshold"] == threshold
    assert {r["seed"] for r in records} == set(range(40)) and len(records) == 40
    page = (results / "kl-gdb17-qwen-0.5b.md").read_text("utf-8")
    *_, row = kl._rows(divergences(records, ["smc"]))
    assert row.replace("| smc |", f"| smc, {threshold:g} N |") in page
