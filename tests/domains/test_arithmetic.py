"""The arithmetic domain: problems, labels, splits, scorers, task."""

from __future__ import annotations

import random
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.arithmetic.problems import LEVELS, apply, generate, parse, value
from domains.arithmetic.scorers import NoisyScorer, OracleScorer
from domains.arithmetic.splits import SPLITS, problems, split_of
from domains.arithmetic.steps import MARK, answer, follows, read_step, solve, sound, split
from domains.arithmetic.task import TASK, ArithmeticTask

PROBLEM = parse("a=7+5;b=a*3;c=9-14;d=b-c;d?\n")
RIGHT = ("a=7+5=12\n", "b=12*3=36\n", "c=9-14=-5\n", "d=36--5=41")


def test_a_problem_and_its_solution():
    assert PROBLEM.text == "a=7+5;b=a*3;c=9-14;d=b-c;d?\n"
    assert PROBLEM.values() == {"a": 12, "b": 36, "c": -5, "d": 41} and PROBLEM.answer == 41
    assert solve(PROBLEM) == RIGHT
    assert all(follows(PROBLEM, RIGHT)) and answer("".join(RIGHT)) == 41
    assert split("".join(RIGHT)) == RIGHT


@given(st.sampled_from(sorted(LEVELS)), st.integers(0, 10_000))
def test_every_problem_is_of_its_level(level, seed):
    problem = generate(level, random.Random(seed))
    assert parse(problem.text) == problem
    assert len(problem.assignments) == LEVELS[level].steps
    assert max(map(abs, problem.values().values())) <= LEVELS[level].bound
    used = [x for a in problem.assignments for x in (a.left, a.right) if x.isalpha()]
    assert sorted(used) == sorted(a.name for a in problem.assignments[:-1])  # each once
    numbers = [int(x) for a in problem.assignments for x in (a.left, a.right) if x.isdigit()]
    assert min(numbers) >= 1 and max(numbers) <= LEVELS[level].literal
    assert all(sound(problem, solve(problem)))
    assert answer("".join(solve(problem))) == problem.answer


@given(st.integers(0, 10_000), st.data())
def test_labels_are_those_of_a_second_reading(seed, data):
    """Any one character changed: a step follows if and only if Python agrees with every part."""
    problem = generate(3, random.Random(seed))
    text = "".join(solve(problem))
    at = data.draw(st.integers(0, len(text) - 1))
    text = text[:at] + data.draw(st.sampled_from("0123456789-+*=ab\n")) + text[at + 1 :]
    steps = split(text)
    expected, stated = [], {}
    rules = {a.name: a for a in problem.assignments}
    for line in steps:
        name, _, rest = line.rstrip("\n").partition("=")
        _, _, result = rest.rpartition("=")
        ok = False
        if read_step(line) and name in rules and name not in stated:
            a = rules[name]
            known = all(x.isdigit() or x in stated for x in (a.left, a.right))
            if known:
                put_in = f"{value(a.left, stated)}{a.operation}{value(a.right, stated)}"
                shown = read_step(line)
                same = (shown.left, shown.operation, shown.right) == (
                    value(a.left, stated),
                    a.operation,
                    value(a.right, stated),
                )
                ok = same and int(result) == eval(put_in.replace("--", "- -"))
        if read_step(line):
            stated.setdefault(name, int(result))
        expected.append(ok)
    assert list(follows(problem, steps)) == expected


@pytest.mark.parametrize(
    ("steps", "local", "whole"),
    [
        (("a=7+5=13\n", "b=13*3=39\n"), (False, True), (False, False)),  # builds on an error
        (("a=7+5=12\n", "b=13*3=39\n"), (True, False), (True, False)),  # another operand
        (("a=5+7=12\n",), (False,), (False,)),  # operands exchanged
        (("b=12*3=36\n", "a=7+5=12\n"), (False, True), (False, False)),  # a was not known
        (("c=9-14=-5\n", "a=7+5=12\n"), (True, True), (True, True)),  # another order
        (("a=7+5=12\n", "a=7+5=12\n"), (True, False), (True, False)),  # nothing new
        (("a=7*5=35\n",), (False,), (False,)),
        (("e=1+1=2\n", "", "a=7+5=12 \n"), (False,) * 3, (False,) * 3),
        (("a=7+5=" + "1" * 5000,), (False,), (False,)),  # no number is that long
        (("a=٧+5=12\n",), (False,), (False,)),
    ],
)
def test_labels(steps, local, whole):
    assert follows(PROBLEM, steps) == local
    assert sound(PROBLEM, steps) == whole


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=7+5=12\nd=1-2=-1", -1),
        ("a=7+5=12\n", 12),
        ("a=7+5=12\n\n", 12),
        ("12", None),
        ("", None),
    ],
)
def test_answers(text, expected):
    assert answer(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a=7+5;",
        "a=7+5;b?",
        "a=b+5;a?",
        "a=7+5;a=1+1;a?",
        "a=7/5;a?",
        "a=7+5;a?x",
        "a=1+1;" * 99,
    ],
)
def test_what_is_no_problem(text):
    with pytest.raises(ValueError, match="arithmetic"):
        parse(text)


def test_operations():
    assert [apply(o, 7, -3) for o in "+-*"] == [4, 10, -21]
    with pytest.raises(ValueError, match="operation"):
        apply("/", 1, 2)
    with pytest.raises(ValueError, match="level 9"):
        generate(9, random.Random(0))


def test_parts_are_disjoint_and_repeatable():
    drawn = {s: [p.text for _, p in islice(problems(s, 0), 100)] for s in SPLITS}
    other = {s: [p.text for _, p in islice(problems(s, 1), 100)] for s in SPLITS}
    for s in SPLITS:
        assert len(set(drawn[s])) == 100
        assert drawn[s] == [p.text for _, p in islice(problems(s, 0), 100)]
        assert all(split_of(parse(t)) == s for t in drawn[s][:20])
    for s, t in [("train", "test"), ("train", "calibration"), ("calibration", "test")]:
        assert not {*drawn[s], *other[s]} & {*drawn[t], *other[t]}
    with pytest.raises(ValueError, match="split"):
        next(problems("dev"))


def test_a_level_can_be_used_up(monkeypatch):
    monkeypatch.setattr("domains.splits._TRIES", 100)
    found = []
    with pytest.raises(ValueError, match="no new problem of level 1"):
        for _, problem in problems("test", 0, (1,)):
            found.append(problem.text)
    assert len(found) > 3 and len(set(found)) == len(found)


def test_the_oracle():
    oracle = OracleScorer()
    wrong = ("a=7+5=12\n", "b=12*3=37\n", "c=9-14=-5\n")
    assert oracle.scores(PROBLEM.text, [RIGHT, wrong, ()]) == [(1.0,) * 4, (1.0, 0.0, 0.0), ()]
    assert oracle.passes == 3 and oracle.tokens == 0
    with pytest.raises(ValueError, match="prompt"):
        oracle.scores([1, 2], [RIGHT])


def test_noise_has_the_auc_that_it_says_and_is_calibrated():
    """z = 4 from the standard error of an AUC (Hanley and McNeil 1982). Seed fixed beforehand."""
    from domains.arithmetic.training.quality import auc, calibration

    scorer, right, wrong = NoisyScorer(auc=0.8, seed=606), [], []
    for _, problem in islice(problems("train", 5), 1500):
        steps = solve(problem)[:1]
        bad = (steps[0].replace(MARK, "") + "1",)
        right += scorer.scores(problem.text, [steps])[0]
        wrong += scorer.scores(problem.text, [bad])[0]
    scores = np.array(right + wrong)
    labels = np.array([True] * len(right) + [False] * len(wrong))
    a, n = 0.8, len(right)
    q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
    error = np.sqrt((a * (1 - a) + (n - 1) * (q1 + q2 - 2 * a * a)) / n**2)
    assert abs(auc(scores, labels) - a) < 4 * error
    for mean, share, weight in calibration(scores, labels):
        assert abs(mean - share) < 4 * np.sqrt(0.25 / (weight * len(scores)))
    assert NoisyScorer(0.8, 606).scores(problem.text, [steps]) == [(right[-1],)]
    assert NoisyScorer(0.8, 607).scores(problem.text, [steps]) != [(right[-1],)]


@pytest.mark.parametrize("auc", [0.5, 1.0, float("nan")])
def test_noise_out_of_range(auc):
    with pytest.raises(ValueError, match="auc"):
        NoisyScorer(auc=auc)


def test_the_task():
    items = TASK.items(10)
    assert [i.level for i in items] == [1, 2, 3, 4, 5] * 2
    assert TASK.items(3) == items[:3] and len(TASK.items()) == 200
    assert len({i.id for i in TASK.items()}) == 200
    assert TASK.cheap(items[0])[0] is TASK.cheap(items[1])[0]
    text = "".join(solve(items[0].problem))
    assert TASK.score(items[0], text) == {"correct": 1, "correct_level_1": 1, "sound": 1}
    assert TASK.score(items[0], "a=1+1=3\n")["correct"] == 0
    assert TASK.score(items[0], "z" * 9999)["sound"] == 0
    assert TASK.population_scores(items[0], ["x"], [1.0]) == {}
    with pytest.raises(ValueError, match="limit"):
        TASK.items(-1)
    ids = {i.id for split in SPLITS for i in ArithmeticTask(split).items(5)}
    assert len(ids) == 15


def test_right_solutions_satisfy_the_format():
    import smc

    for item in TASK.items(10):
        potential = TASK.cheap(item)[0]
        tokens = tuple(bytes([b]) for b in range(256))
        bound = potential.bind(smc.Vocabulary((*tokens, None), (256,)))
        state = bound.start()
        for char in "".join(solve(item.problem)):
            state = bound.advance(state, char.encode())
        assert bound.complete(state) == 0.0
