"""Paired runs of sharper draws: what is measured, and how differences are told."""

from __future__ import annotations

import math

import pytest

import smc
from benchmarks.sharper.__main__ import EXPERIMENTS
from benchmarks.sharper.paired import Experiment, intervals, run, table

MODEL = smc.TableModel.constant({"a": 0.5, "b": 0.2}, eos=0.3)


class OnlyA(smc.Potential):
    def prefix(self, text):
        return -math.inf if "b" in text else 0.0


class Never(smc.Potential):
    def complete(self, text):
        return -math.inf


def draw(potentials, item, seed):
    return smc.sample(
        MODEL,
        "",
        [*potentials, *item],
        num_particles=6,
        max_tokens=5,
        at_max_tokens="cut",
        seed=seed,
    )


def experiment():
    return Experiment(
        question="?",
        setting="toy",
        items=[[], [Never()], []],
        arms={
            "plain": lambda item, seed: draw([], item, seed),
            "steered": lambda item, seed: draw([OnlyA()], item, seed),
        },
        scores={"no b": lambda item, text: float("b" not in text)},
    )


def test_differences_are_of_pairs_and_extinct_runs_are_counted():
    found = run(experiment(), seeds=4)
    assert [len(runs) for runs in found["plain"]] == [4, 4, 4]
    plain, steered = intervals(found, "no b").values()
    assert plain[1] is None and steered[1] is not None
    assert steered[0].mean == pytest.approx(2 / 3)  # nothing is found of an extinct run
    by_hand = [
        b["no b"] - a["no b"]
        for own, other in zip(found["plain"], found["steered"], strict=True)
        for a, b in zip(own, other, strict=True)
    ]
    assert steered[1].mean == pytest.approx(sum(by_hand) / len(by_hand))
    assert intervals(found, "extinct")["plain"][0].mean == pytest.approx(1 / 3)
    assert intervals(found, "log evidence")["steered"][0].items == 2


def test_the_table_has_a_row_for_each_measure():
    lines = table(run(experiment(), seeds=2)).splitlines()
    assert lines[0] == "| | plain | steered | difference |"
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| no b", "| log evidence", "| ESS"]
    assert len({line.count("|") for line in lines}) == 1


@pytest.mark.parametrize("name", sorted(set(EXPERIMENTS) - {"power"}))
def test_every_experiment_says_what_it_asks(name):
    made = EXPERIMENTS[name](MODEL, 2, 3)
    assert made.question.endswith("?") and len(made.items) == 2 and len(made.arms) > 1
    score = next(iter(made.scores.values()))
    assert 0 <= score(made.items[0], " CC") <= 1
