"""The study of depth: what is enough, what is kept, and what characters are."""

from __future__ import annotations

import json

import pytest

from benchmarks.depth import __main__ as command
from benchmarks.depth import measure, report
from benchmarks.depth.measure import Accuracy, Stops, problems_of_test
from domains.arithmetic.splits import split_of
from domains.arithmetic.training.depth import LEVELS

RIGHT = {1: 0, 2: 10, 4: 19, 8: 20, 16: 18, 32: 20}


def of(kind, depth, count):
    right = {level: [k < count for k in range(20)] for level in LEVELS}
    return Accuracy(kind, depth, 6.0, right)


@pytest.fixture
def found():
    deep = [of("recurrent", depth, count) for depth, count in RIGHT.items()]
    return [of("plain", None, 7), *deep]


def test_the_smallest_depth_that_is_nearly_as_right_is_enough(found):
    assert report.enough(found, 1) == 4
    assert report.enough(found[:1], 1) is None
    assert report.enough([of("loop", 1, 0), of("loop", 2, 0)], 1) is None
    assert "| recurrent | 4 | 4 | 4 |" in report.enough_table(found)


def test_tables_say_what_was_measured(found, tmp_path):
    table = report.accuracy_table(found, {"plain": 10**6, "recurrent": 2 * 10**6})
    assert "| plain | 1.00M | – | 6 | 0.350 (0.181, 0.567) |" in table
    assert "| recurrent | 2.00M | 8 | 6 | 1.000 (0.839, 1.000) |" in table
    means = {level: 2.0 for level in LEVELS}
    assert "| none | 2.00 | 2.0000 |" in report.stops_table([Stops(None, means, means, means)])
    routed = report.routed_table({"name": [0.1, 0.2, 0.3, 0.4]}, 2)
    assert "layer 2, step 2" in routed and "layer 4, step 1" in routed
    report.plot(found, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").stat().st_size > 1000


def test_problems_are_of_the_test_part_and_all_levels():
    chosen = problems_of_test(5)
    assert [level for level, _ in chosen] == [k for k in LEVELS for _ in range(5)]
    assert all(split_of(problem) == "test" for _, problem in chosen)


def test_answers_that_are_there_are_not_drawn_again(monkeypatch, tmp_path):
    drawn = []

    def accuracy(kind, depth, chosen):
        drawn.append((kind, depth))
        if len(drawn) == 4:
            raise KeyboardInterrupt
        return of(kind, depth, 3)

    monkeypatch.setattr(measure, "accuracy", accuracy)
    with pytest.raises(KeyboardInterrupt):
        command.accuracies(tmp_path / "a.jsonl", 20)
    found = command.accuracies(tmp_path / "a.jsonl", 20)
    assert [(f.kind, f.depth) for f in found] == list(measure.settings())
    assert len(drawn) == len(set(drawn)) + 1
    assert found == command.accuracies(tmp_path / "a.jsonl", 20)
    assert len((tmp_path / "a.jsonl").read_text().splitlines()) == len(found)
    assert json.loads((tmp_path / "a.jsonl").read_text().splitlines()[0])["kind"] == "plain"


def test_characters_are_told_apart_by_their_place():
    kinds = list(measure._kinds("a=7+5=12\nb=3"))
    assert kinds == [
        "name",
        "equals sign",
        *["operands and operation"] * 3,
        "equals sign",
        *["result"] * 2,
        "end of line",
        "name",
        "equals sign",
        "operands and operation",
        "end of line",
    ]
