"""The command `compare`: two methods on the items of both, paired."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import compare
from benchmarks.__main__ import main
from tests.benchmarks.test_run import TOY

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = []
    for particles, limit in ((1, "7"), (4, "3")):
        out = tmp_path_factory.mktemp("runs") / f"toy-{particles}"
        command = [*TOY, "--methods", "lm,smc", "--particles", str(particles), "--seeds", "2"]
        assert main([*command, "--limit", limit, "--out", str(out)]) == 0
        made.append(out)
    return made


def scores_of(folder, method):
    """The mean score of each item, read from the files."""
    scores = {}
    for file in sorted((folder / method).glob("*.jsonl")):
        for record in map(json.loads, file.read_text().splitlines()):
            values = [s.get("short", 0.0) if s else 0.0 for s in record["scores"]]
            mean = float(np.dot(record["weights"], values))
            scores.setdefault(record["item"], []).append(mean)
    return {item: float(np.mean(values)) for item, values in scores.items()}


def test_the_difference_is_paired_on_the_items_of_both(folders, capsys):
    few, many = compare.side(f"{folders[0]}:lm"), compare.side(f"{folders[1]}:smc")
    found = compare.compared(many, few)
    theirs, ours = scores_of(folders[0], "lm"), scores_of(folders[1], "smc")
    assert found.items == len(ours) == 3 and set(ours) < set(theirs)
    assert found.difference.mean == pytest.approx(np.mean([ours[i] - theirs[i] for i in ours]))
    assert found.scores[0].mean == pytest.approx(np.mean(list(ours.values())))
    assert found.tokens[0] > found.tokens[1], "four particles draw more than one"
    assert main(["compare", f"{folders[1]}:smc", f"{folders[0]}:lm"]) == 0
    assert "on the 3 items of both" in capsys.readouterr().out


def test_sides_of_one_name_say_what_their_settings_differ_in(folders):
    one, other = compare.side(f"{folders[0]}:lm"), compare.side(f"{folders[1]}:lm")
    assert compare.told_apart(one, other) == (one, other), "unlike in N, which the names say"
    early = dataclasses.replace(one, settings={**one.settings, "ess_threshold": 0.25})
    first, second = compare.told_apart(one, early)
    assert first.name == f"{one.name}, ess threshold 0.9"
    assert second.name == f"{one.name}, ess threshold 0.25"


def test_the_other_way_round_only_the_sign_changes(folders):
    sides = [compare.side(f"{folder}:lm") for folder in folders]
    one, other = compare.compared(*sides), compare.compared(*reversed(sides))
    assert one.difference.mean == -other.difference.mean
    assert one.scores == other.scores[::-1]


def test_one_side_with_itself_is_not_told_apart(folders):
    own = compare.side(f"{folders[0]}:smc")
    found = compare.compared(own, own)
    difference = found.difference
    assert (difference.mean, difference.low, difference.high) == (0.0, 0.0, 0.0)
    assert "not told apart" in compare.page(own, own, found)


@pytest.mark.parametrize(
    ("sides", "said"),
    [
        (["smc", "{0}:lm"], "expected a folder or file of results and a method"),
        (["{0}:is", "{0}:lm"], "has no is; it has lm, smc"),
        (["{0}/none:lm", "{0}:lm"], "none"),
    ],
    ids=["form", "method", "folder"],
)
def test_what_is_not_there_is_explained(folders, capsys, sides, said):
    assert main(["compare", *(s.format(*folders) for s in sides)]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("domain", ["gdb17", "planetarium", "spider", "ds1000"])
def test_runs_are_split_by_who_survived(domain, capsys):
    """By hand, from the published records: groups, their means, and that their shares add up."""
    file = RESULTS / f"{domain}-qwen-0.5b.jsonl"
    ours, theirs = (compare.side(f"{file}:{method}") for method in ("smc", "is"))
    records = [json.loads(line) for line in file.read_text().splitlines()[1:]]
    alive = {(r["method"], (r["item"], r["seed"])): r["status"] != "extinct" for r in records}
    runs = sorted(key for method, key in alive if method == "smc" and ("is", key) in alive)
    scores = {("smc", i): ours.scores[i] for i in runs}
    scores |= {("is", i): theirs.scores[i] for i in runs}
    found = {s.who: s for s in compare.survivals(ours, theirs)}
    both = [i for i in runs if alive["smc", i] and alive["is", i]]
    only = [i for i in runs if alive["smc", i] and not alive["is", i]]
    assert found["both"].runs == len(both) > 0
    assert found["both"].scores[0] == pytest.approx(np.mean([scores["smc", i] for i in both]))
    assert found[ours.name].runs == len(only) > 0
    assert found[ours.name].scores[1] == 0.0, "a run without particles has nothing right"
    whole = np.mean([scores["smc", i] - scores["is", i] for i in runs])
    assert sum(s.share for s in found.values()) == pytest.approx(whole)
    assert sum(s.runs for s in found.values()) == len(runs)
    assert f"| both | {len(both)} |" in compare.page(ours, theirs, compare.compared(ours, theirs))


def test_where_all_survive_nothing_is_split(folders):
    own = compare.side(f"{folders[0]}:lm")
    assert compare.survivals(own, own) == []
    assert "particles left in" not in compare.page(own, own, compare.compared(own, own))


def test_other_tasks_are_not_compared(capsys):
    files = [RESULTS / f"{name}-qwen-0.5b.jsonl" for name in ("gdb17", "spider")]
    assert main(["compare", *(f"{file}:smc" for file in files)]) == 2
    assert "domain is 'gdb17'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("domain", "items", "verdict"),
    [
        ("gdb17", 100, "ahead"),
        ("spider", 200, "ahead"),
        ("planetarium", 100, "ahead"),
        ("ds1000", 100, "behind"),
    ],
)
def test_the_small_model_steered_beside_the_larger_one_alone(domain, items, verdict):
    """What the README says of it, from the published records."""
    small, large = (RESULTS / f"{domain}-qwen-{size}b.jsonl" for size in ("0.5", "1.5"))
    first, second = compare.side(f"{small}:smc"), compare.side(f"{large}:lm")
    found = compare.compared(first, second)
    assert found.items == items
    assert compare.page(first, second, found).endswith(f": {verdict}.")
    assert found.cpu_seconds[0] < found.cpu_seconds[1]


def test_goals_without_the_plan_are_those_of_its_records():
    small = compare.side(f"{RESULTS / 'planetarium-qwen-0.5b-without-plan'}.jsonl:smc")
    large = compare.side(f"{RESULTS / 'planetarium-qwen-1.5b'}.jsonl:lm")
    page = compare.page(small, large, compare.compared(small, large))
    assert page.endswith("-0.054 (-0.091, -0.016) on the 100 items of both, 95% interval: behind.")


@pytest.mark.parametrize(
    ("early", "late", "difference"),
    [
        ("gdb17-qwen-0.5b", "gdb17-qwen-0.5b-threshold-50", "+0.017 (-0.014, +0.047)"),
        ("gdb17-smollm2-135m", "gdb17-smollm2-135m-threshold-50", "+0.028 (-0.027, +0.084)"),
        ("planetarium-qwen-0.5b", "planetarium-qwen-0.5b-threshold-50", "+0.013 (-0.020, +0.047)"),
        ("spider-qwen-0.5b", "spider-qwen-0.5b-threshold-50", "+0.024 (-0.002, +0.051)"),
        ("ds1000-qwen-0.5b", "ds1000-qwen-0.5b-threshold-50", "+0.014 (-0.018, +0.046)"),
        (
            "cost-spider/qwen-0.5b-16",
            "cost-spider/qwen-0.5b-16-threshold-50",
            "+0.053 (-0.004, +0.120)",
        ),
    ],
)
def test_a_later_resampling_beside_the_paper_s(early, late, difference):
    """What the findings say of thresholds, from the published records."""
    first, second = (compare.side(f"{RESULTS / name}.jsonl:smc") for name in (late, early))
    page = compare.page(first, second, compare.compared(first, second))
    assert difference in page and page.endswith(": not told apart.")
