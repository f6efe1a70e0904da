"""The experiment on strategies: difficulty, equal cost, claims, and the pages that say so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.store import Store
from benchmarks.strategies.__main__ import main
from benchmarks.strategies.analysis import (
    at_cost,
    by_plan,
    chosen,
    crossed,
    difference,
    fitted,
    outcomes_of,
)
from benchmarks.strategies.claims import (
    CLAIMS,
    OPTIMAL,
    Claim,
    claims_table,
    gap,
    group_of,
    verdict,
)
from benchmarks.strategies.plans import NAMES
from benchmarks.strategies.tables import shown, table
from smc.intervals import Interval

Right = Mapping[tuple[str, int], Sequence[int]]
"""For each strategy and N, whether it is right on each problem."""

RATES = (1.0, 0.8, 0.5, 0.3, 0.0)
TOKENS = 10
"""Of one sample of any problem."""


def record(index: int, right: Right, *, seed: int = 0, part: str = "test") -> dict[str, Any]:
    runs = [
        {
            "strategy": name,
            "num_solutions": n,
            "settings": {},
            "correct": own[index],
            "tokens": TOKENS * n,
            "passes": 5 * n,
            "reward_passes": 0 if name == "majority_vote" else n,
            "reward_tokens": 0,
        }
        for (name, n), own in right.items()
    ]
    return {
        "item": f"{part}-{index}",
        "level": 1,
        "seed": seed,
        "judge": "labels",
        "pass_rate": RATES[index % len(RATES)],
        "sample_tokens": float(TOKENS),
        "runs": runs,
    }


def outcomes(right: Right, bins: int = 5, scorer: str = "oracle"):
    count = len(next(iter(right.values())))
    parts = {
        part: [record(i, right, part=part) for i in range(count)]
        for part in ("calibration", "test")
    }
    return outcomes_of(scorer, parts, bins)


def opposed() -> dict[str, list[dict[str, Any]]]:
    """Calibration problems on which beams alone are right, and others on which best-of-N is."""
    return {
        part: [
            record(
                i, {("beam", 4): [beam] * 5, ("weighted_best_of_n", 4): [1 - beam] * 5}, part=part
            )
            for i in range(5)
        ]
        for part, beam in (("calibration", 1), ("test", 0))
    }


MIXED: Right = {
    ("beam", 4): [1, 1, 1, 1, 0],
    ("weighted_best_of_n", 4): [1, 1, 0, 0, 0],
    ("weighted_best_of_n", 16): [1, 1, 1, 1, 1],
}


# ---- bins and cost


def test_bins_go_from_easy_to_hard():
    found = outcomes(MIXED)
    assert found.bins == 5
    assert [o.bin for o in found.test if o.plan.strategy == "beam"] == [0, 1, 2, 3, 4]
    assert [o.difficulty for o in found.test if o.plan.strategy == "beam"] == list(RATES)
    assert {o.item for o in found.all(2)} == {"calibration-2", "test-2"}


def test_seeds_of_a_problem_are_averaged_before_anything_else():
    right = {("beam", 4): [1, 0]}
    wrong = {("beam", 4): [0, 0]}
    parts = {
        part: [
            record(i, own, seed=seed, part=part)
            for seed, own in enumerate((right, wrong))
            for i in (0, 1)
        ]
        for part in ("calibration", "test")
    }
    found = outcomes_of("oracle", parts, 2)
    assert {o.item: o.correct for o in found.test} == {"test-0": 0.5, "test-1": 0.0}
    assert len(found.test) == 2


def test_at_a_cost_a_strategy_has_its_largest_plan_that_fits():
    found = outcomes(MIXED)
    small = at_cost(found.test, "weighted_best_of_n", 15)
    assert [v for (v,) in small.values()] == [1, 1, 0, 0, 0]
    large = at_cost(found.test, "weighted_best_of_n", 16)
    assert [v for (v,) in large.values()] == [1, 1, 1, 1, 1]
    assert at_cost(found.test, "weighted_best_of_n", 3) == {}
    assert at_cost(found.test, "dvts", 64) == {}


def test_differences_are_paired():
    a, b = {"x": [1.0], "y": [0.0], "z": [1.0]}, {"x": [0.0], "y": [0.0]}
    found = difference(a, b)
    assert (found.mean, found.items) == (0.5, 2)
    assert 0 <= found.low <= 0.5 <= found.high <= 1


def test_plans_come_in_the_order_of_the_strategies():
    right = {(name, n): [1] for name in reversed(NAMES) for n in (4, 2)}
    plans = list(by_plan(outcomes(right, bins=1).test))
    assert [(p.strategy, p.num_solutions) for p in plans] == [
        (name, n) for name in NAMES for n in (2, 4)
    ]


# ---- the fitted choice


def test_the_choice_is_fitted_on_calibration_problems_alone():
    """There beams are right, on the others best-of-N; the choice cannot know."""
    found = outcomes_of("oracle", opposed(), 5)
    policy = fitted(found, [4.0], "model")
    picked = chosen(policy, found.test, 4.0)
    assert {o.plan.strategy for o in picked} == {"beam"}
    assert [o.correct for o in picked] == [0] * 5
    assert not {o.item for o in picked} & {o.item for o in found.calibration}


def test_crossed_halves_have_the_choice_of_the_other_half():
    """On one half beams are right, on the other best-of-N; so both choices are wrong."""
    halves = crossed(outcomes_of("oracle", opposed(), 5), [4.0], "model")
    assert len(halves[4.0]) == 10 and not any(v for (v,) in halves[4.0].values())


def test_a_budget_without_a_plan_has_no_choice():
    found = outcomes(MIXED)
    assert chosen(fitted(found, [2.0, 4.0], "model"), found.test, 2.0) == []


# ---- claims


def interval(low: float, high: float, items: int = 9) -> Interval:
    return Interval((low + high) / 2, low, high, items)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (interval(0.01, 0.2), "confirmed"),
        (interval(-0.2, -0.01), "contradicted"),
        (interval(-0.1, 0.2), "not decided"),
        (interval(0.0, 0.2), "not decided"),
        (interval(0.0, 0.0), "the same"),
        (interval(np.nan, np.nan, items=0), "nothing to compare"),
    ],
    ids=str,
)
def test_a_verdict_is_what_the_interval_supports(found, said):
    assert verdict(found) == said


def test_five_bins_are_two_easy_ones_two_medium_ones_and_a_hard_one():
    assert [group_of(b, 5) for b in range(5)] == ["easy", "easy", "medium", "medium", "hard"]
    assert [group_of(b, 3) for b in range(3)] == ["easy", "medium", "hard"]
    assert group_of(0, 1) == "hard"


def test_a_claim_is_judged_on_its_problems_at_its_costs():
    found = outcomes(MIXED)
    halves = crossed(found, [4.0, 16.0], "model")

    def claim(group, cost: float, their_cost: float, ours: str = "beam") -> Interval:
        asked = Claim("", "", ours, "weighted_best_of_n", group, cost, their_cost)
        return gap(asked, found, halves)

    assert (claim("medium", 4, 4).mean, claim("medium", 4, 4).items) == (1.0, 4)
    assert (claim("easy", 4, 4).mean, claim("hard", 4, 4).mean) == (0.0, 0.0)
    assert claim("all", 4, 4).mean == pytest.approx(0.4)
    assert claim("all", 4, 16).mean == pytest.approx(-0.2)
    fitted_choice = claim("all", 4, 16, OPTIMAL)  # the beam, on both halves
    assert (fitted_choice.mean, fitted_choice.items) == (pytest.approx(-0.2), 10)
    assert claim("medium", 4, 4, OPTIMAL).items == 4
    assert claim("all", 2, 4, OPTIMAL).items == 0


def test_every_claim_is_of_strategies_that_are_run():
    assert {name for c in CLAIMS for name in (c.ours, c.theirs)} <= {*NAMES, OPTIMAL}
    assert len(set(CLAIMS)) == len(CLAIMS)
    assert all(c.cost <= c.their_cost for c in CLAIMS)


def test_the_table_of_claims_has_a_verdict_for_each_judge():
    found = [outcomes(MIXED), outcomes(MIXED, scorer="noisy")]
    text = claims_table(found, [crossed(o, [4.0], "model") for o in found])
    rows = [line for line in text.splitlines() if line.startswith("| beams win small budgets")]
    assert len(rows) == 2  # at two costs
    assert rows[0].count("confirmed: +100.0 (+100.0, +100.0)") == 2
    assert "| oracle | noisy |" in text


# ---- pages


def test_a_table_is_markdown():
    assert table(["a", "b"], [["x", "1"]]) == "| a | b |\n| --- | ---: |\n| x | 1 |"


def test_intervals_are_shown_in_percent():
    assert shown(interval(0.1, 0.3)) == "20 (10, 30)"
    assert shown(interval(-0.1, 0.3), sign="+", places=1) == "+10.0 (-10.0, +30.0)"
    assert shown(interval(np.nan, np.nan, items=0)) == "–"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder of results as a run leaves them."""
    out = tmp_path_factory.mktemp("report")
    store = Store(out)
    settings = {
        "model": "some/model",
        "model_digest": "0123",
        "budgets": [4, 16],
        "samples": 5,
        "temperature": 0.8,
        "width": 4,
        "lookahead": 1,
        "sweeps": 4,
        "levels": [2, 3],
    }
    machine = {"cpu": "A processor", "cores": 2, "threads": 1, "memory_gib": 16.0}
    start = {"command": "python -m it", "date": "a day", "commit": "abc", "machine": machine}
    store.begin(settings, start)
    for part in ("calibration", "test"):
        for judge in ("oracle", "noisy"):
            store.append(f"{part}-{judge}", 0, [record(i, MIXED, part=part) for i in range(5)])
    return out


def test_the_report_says_where_its_numbers_come_from(folder, capsys):
    assert main(["--out", str(folder), "--report-only"]) == 0
    path = folder / "report.md"
    assert capsys.readouterr().out.strip() == str(path)
    text = path.read_text()
    for part in (
        "python -m it",
        "some/model (digest 0123)",
        "5 for calibration, 5 held out",
        "A processor, 1 thread of 2 cores shared with other work, 16.0 GiB",
        "abc",
        "a day",
        "## What the papers claim",
        "## Judge: oracle",
        "## Judge: noisy",
    ):
        assert part in text, part
    assert "## Judge: prm" not in text  # there are no results of it
    row = "| beam | 4 | 80 (49, 94) | 40 | 20 | 4 |"  # 8 of 10
    assert row in text, [line for line in text.splitlines() if line.startswith("| beam | 4")]


def test_the_report_leaves_a_plot_and_the_choices(folder):
    assert main(["--out", str(folder), "--report-only"]) == 0
    plot = (folder / "strategies.png").read_bytes()
    assert plot.startswith(b"\x89PNG") and len(plot) > 10_000
    for judge in ("oracle", "noisy"):
        choice = json.loads((folder / f"choice-{judge}.json").read_text())
        assert choice["reward_model"] == judge


def test_seeds_that_were_added_later_are_in_the_same_report(folder, tmp_path):
    """Each problem's mean over its seeds; a seed that got less far says so."""
    out = tmp_path / "seeds"
    shutil.copytree(folder, out)
    wrong = {plan: [0] * 5 for plan in MIXED}
    for part in ("calibration", "test"):
        for judge in ("oracle", "noisy"):
            count = 5 if judge == "oracle" else 4
            more = [record(i, wrong, seed=1, part=part) for i in range(count)]
            Store(out).append(f"{part}-{judge}", 1, more)
    assert main(["--out", str(out), "--report-only"]) == 0
    text = (out / "report.md").read_text()
    assert "| seeds | 0 (10 problems), 1 (10 problems); 0 (10 problems), 1 (8 problems) |" in text
    assert "| beam | 4 | 40 (25, 50) | 40 | 20 | 4 |" in text  # 80 and 0


def test_words_stand_between_the_head_and_the_tables(folder, tmp_path, capsys):
    words = tmp_path / "words.md"
    words.write_text("## In words\n\nBeams win.\n")
    assert main(["--out", str(folder), "--report-only", "--words", str(words)]) == 0
    text = (folder / "report.md").read_text()
    places = [
        text.index(part)
        for part in (
            "| seeds |",
            "(strategies.png)",
            "## In words\n\nBeams win.\n\n",
            "## What the",
        )
    ]
    assert places == sorted(places)
    assert main(["--out", str(folder), "--report-only", "--words", str(tmp_path / "none.md")]) == 2
    assert "--words" in capsys.readouterr().err


def test_without_results_the_report_says_what_is_missing(tmp_path, capsys):
    assert main(["--out", str(tmp_path), "--report-only"]) == 2
    assert "holds no results of both parts" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["item", "judge", "seed", "pass_rate", "sample_tokens", "runs"])
def test_a_record_without_a_field_is_named(folder, tmp_path, capsys, name):
    for place, value in enumerate((None, [{"strategy": "luck"}])):
        out = tmp_path / str(place)
        shutil.copytree(folder, out)
        path = out / "test-oracle" / "seed-0.jsonl"
        lines = path.read_text().splitlines()
        lines[1] = json.dumps(json.loads(lines[1]) | {name: value})
        path.write_text("\n".join(lines) + "\n")
        before = path.read_bytes()
        assert main(["--out", str(out), "--report-only"]) == 2
        said = capsys.readouterr().err
        assert "seed-0.jsonl, line 2 has " in said and f"under {name!r}" in said
        assert path.read_bytes() == before


def test_a_run_json_without_what_the_report_tells_is_explained(folder, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(folder, out)
    run = json.loads((out / "run.json").read_text())
    del run["settings"]["width"]
    (out / "run.json").write_text(json.dumps(run))
    assert main(["--out", str(out), "--report-only"]) == 2
    assert "'width' among" in capsys.readouterr().err


def test_a_copy_that_somebody_made_of_a_file_is_no_seed(folder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(folder, out)
    shutil.copy(out / "test-oracle" / "seed-0.jsonl", out / "test-oracle" / "seed-0 copy.jsonl")
    assert main(["--out", str(out), "--report-only"]) == 0
