"""The countdown domain: problems, the solver, the exact check, splits, task, examples to learn."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domains.countdown.problems import (
    BOUND,
    LARGEST,
    LEVELS,
    TARGETS,
    CountdownProblem,
    Operation,
    apply,
    generate,
    operations,
    parse,
)
from domains.countdown.solver import reachable, solve
from domains.countdown.splits import SPLITS, problems, split_of
from domains.countdown.steps import BACKTRACK, GOAL, is_right, read_line, remaining, split, write
from domains.countdown.task import TASK, AllowedLines, CountdownTask
from domains.countdown.training.corpus import (
    CountdownCorpus,
    CountdownSetting,
    Example,
    batched,
    mistaken,
    optimal,
)
from smc.potential import log_complete, log_prefix

PROBLEM = parse("3 7 11 15>42\n")
RIGHT = "15-11=4\n7*3=21\n"  # 4 and 21 are left


def test_a_problem_and_a_solution():
    assert parse("3 7 11 15>42") == CountdownProblem((3, 7, 11, 15), 42)
    assert PROBLEM.text == "3 7 11 15>42\n"
    assert parse("15 3 11 7>42") == PROBLEM
    path = solve(PROBLEM)
    assert path is not None and is_right(PROBLEM, write(path) + GOAL)
    assert remaining(PROBLEM, split(RIGHT)) == (4, 21)
    assert read_line("15-11=4\n") == Operation(15, "-", 11, 4)


@given(st.sampled_from(LEVELS), st.integers(0, 10_000))
def test_every_problem_is_of_its_level_and_can_be_solved(level, seed):
    problem, path = generate(level, random.Random(seed))
    assert parse(problem.text) == problem and len(problem.numbers) == level
    assert max(problem.numbers) <= LARGEST and problem.target in TARGETS
    assert max(o.result for o in path) <= BOUND
    assert is_right(problem, write(path) + GOAL)
    assert problem.target in reachable(problem.numbers)


@given(st.lists(st.integers(1, 12), min_size=2, max_size=4))
def test_the_solver_finds_what_trying_every_expression_finds(numbers):
    """Against another way of looking: all trees over all orders, in fractions."""

    def values(chosen: tuple[int, ...]) -> set[Fraction]:
        if len(chosen) == 1:
            return {Fraction(chosen[0])}
        found = set()
        for mask in range(1, 2 ** len(chosen) - 1):
            left = tuple(x for i, x in enumerate(chosen) if mask >> i & 1)
            right = tuple(x for i, x in enumerate(chosen) if not mask >> i & 1)
            for a in values(left):
                for b in values(right):
                    results = [a + b, a - b, a * b, a / b]
                    found |= {r for r in results if r > 0 and r.denominator == 1}
        return found

    ordered = tuple(sorted(numbers))
    assert reachable(ordered) == values(ordered)
    for target in (*islice(sorted(reachable(ordered)), 3), 10_007):
        path = solve(CountdownProblem(ordered, target))
        assert (path is not None) == (target in reachable(ordered))
        assert path is None or is_right(CountdownProblem(ordered, target), write(path) + GOAL)


@pytest.mark.parametrize(
    ("numbers", "target", "text", "right"),
    [
        ((2, 3), 5, "2+3=5\n" + GOAL, True),
        ((2, 3), 5, "3+2=5\n" + GOAL, True),  # in any order
        ((2, 3), 5, "3+2=5\n", False),  # no goal
        ((2, 3), 5, "3+2=6\n" + GOAL, False),  # miscalculated
        ((2, 3), 6, "3+2=6\n" + GOAL, False),
        ((2, 3), 1, "2-3=1\n" + GOAL, False),
        ((3, 7), 2, "7/3=2\n" + GOAL, False),  # the remainder is no part of the rules
        ((3, 3), 6, "3+3=6\n" + GOAL, True),  # two copies, both used
        ((3, 4), 6, "3+3=6\n" + GOAL, False),  # one copy
        ((3, 3, 5), 11, "3+5=8\n8+3=11\n" + GOAL, True),  # the other copy is still there
        ((3, 3, 5), 6, "3+3=6\n" + GOAL, False),  # 5 is left over
        ((2, 3, 5), 10, "2+3=5\n5+5=10\n" + GOAL, True),  # a result that equals a number
        ((2, 3), 5, "2+3=5\n" + GOAL + "\n", False),
        ((2, 3), 5, "2+3=5\n" + BACKTRACK, False),
        ((2, 3), 5, "2+3=5\n\n" + GOAL, False),
        ((2, 3), 5, " 2+3=5\n" + GOAL, False),
        ((2, 3), 5, "", False),
        ((2, 3), 5, GOAL, False),
        ((5, 5), 1, "5-5=0\n" + GOAL, False),  # results are positive
        ((2, 3), 5, "٢+3=5\n" + GOAL, False),
        ((2, 3), 5, "2+3=" + "5" * 5000 + "\n" + GOAL, False),
    ],
)
def test_the_check_is_exact(numbers, target, text, right):
    assert is_right(CountdownProblem(numbers, target), text) is right


def test_operations():
    assert [apply(sign, 12, 4) for sign in "+-*/"] == [16, 8, 48, 3]
    assert apply("-", 4, 12) is apply("-", 4, 4) is apply("/", 12, 5) is apply("/", 5, 0) is None
    with pytest.raises(ValueError, match="operation"):
        apply("+-", 1, 2)
    with pytest.raises(ValueError, match="level 9"):
        generate(9, random.Random(0))
    assert operations((2, 2, 7))[Operation(7, "-", 2, 5)] == (2, 5)


@pytest.mark.parametrize(
    "text", ["", "3>4", "3 4", "3 0>4", "3 4>x", "3 4>5 6\n", "1 " * 99 + ">4"]
)
def test_what_is_no_problem(text):
    with pytest.raises(ValueError, match="countdown"):
        parse(text)


def test_parts_are_disjoint_and_repeatable():
    drawn = {s: [p.text for p in islice(problems(s, 0), 100)] for s in SPLITS}
    other = {s: [p.text for p in islice(problems(s, 1), 100)] for s in SPLITS}
    for s in SPLITS:
        assert drawn[s] == [p.text for p in islice(problems(s, 0), 100)]
        assert all(split_of(parse(text)) == s for text in (*drawn[s], *other[s]))
        assert len(set(drawn[s])) == 100
    with pytest.raises(ValueError, match="split"):
        next(problems("dev"))  # type: ignore[arg-type]


# ---- the task


def test_items_and_scores():
    items = TASK.items(6)
    assert items == CountdownTask().items(9)[:6]
    assert [len(i.problem.numbers) for i in items] == [3, 4] * 3
    item = items[1]
    right = write(solve(item.problem) or ()) + GOAL
    assert TASK.score(item, right) == {"correct": 1.0, "correct_4": 1.0, "allowed": 1.0}
    assert TASK.score(item, "1+1=3\n")["allowed"] == 0.0
    assert TASK.population_scores(item, ["a"], [1.0]) == {}
    with pytest.raises(ValueError, match="limit"):
        TASK.items(-1)


def test_potentials_let_solutions_through_and_nothing_else():
    for item in TASK.items(4):
        right = write(solve(item.problem) or ()) + GOAL
        (shape,), (rules,) = TASK.cheap(item), TASK.expensive(item)
        assert shape is TASK.cheap(item)[0]
        for potential in (shape, rules):
            assert log_complete(potential, right) == 0.0
            assert log_complete(potential, right.replace(GOAL, BACKTRACK)) == -np.inf
        first = split(right)[0]
        assert log_prefix(rules, first) == 0.0
        assert log_prefix(rules, first[:-1] + "0\n") == -np.inf
        assert log_prefix(shape, first) == 0.0
    rules = AllowedLines(PROBLEM)
    assert log_prefix(rules, "15+3=18\n18+7=25\n") == 0.0  # a dead end is allowed
    assert log_complete(rules, "15+3=18\n18+7=25\n25+11=36\n" + GOAL) == -np.inf


# ---- what is learnt


@pytest.mark.parametrize("slips", [0.0, 1.0])
def test_a_mistake_is_one_and_stands_at_the_end(slips):
    rng = random.Random(5)
    kinds = set()
    for level in LEVELS * 40:
        problem, path = generate(level, rng)
        example = mistaken(problem, path, rng, slips)
        assert example.prompt == problem.text and example.end == BACKTRACK
        before = remaining(problem, split(example.sound))
        assert before is not None and problem.target in reachable(before)
        assert write(path).startswith(example.sound)
        assert len(split(example.mistake)) == 1 and example.mistake.endswith("\n")
        after = remaining(problem, split(example.sound + example.mistake))
        kinds.add(after is None)
        assert after is None or problem.target not in reachable(after)
    assert kinds == {True} if slips else False in kinds


def test_the_mistake_and_the_prompt_are_not_learnt():
    corpus = CountdownCorpus(CountdownSetting())
    tokenizer = corpus.make_tokenizer()
    examples = [
        optimal(parse("2 3>5\n"), [Operation(3, "+", 2, 5)]),
        Example("2 3 4>9\n", "3+2=5\n", "5-4=1\n", BACKTRACK),
    ]
    (batch,) = batched(examples, tokenizer, 0, 1000, "order")
    learnt = set()
    for row, weights in zip(batch.tokens, batch.weights, strict=True):
        learnt.add(tokenizer.decode(row[1:][weights > 0]))
    end = tokenizer.eos_token
    assert learnt == {f"3+2=5\n{GOAL}{end}", f"3+2=5\n{BACKTRACK}{end}"}
    assert set(np.unique(batch.weights)) == {0.0, 1.0}


@pytest.mark.parametrize("kind", ["plain", "backtracking"])
def test_batches_are_of_the_training_part_and_can_be_repeated(kind):
    setting = CountdownSetting(kind=kind)
    corpus = CountdownCorpus(setting)
    examples = list(islice(corpus.examples(3), 400))
    assert examples == list(islice(corpus.examples(3), 400))
    assert all(split_of(parse(e.prompt)) == "train" for e in examples)
    share = np.mean([e.end == BACKTRACK for e in examples])
    # z = 4 of 400 examples around the share of the setting, half.
    assert share == 0 if kind == "plain" else abs(share - 0.5) < 4 * 0.5 / 20
    tokenizer = corpus.make_tokenizer()
    batch = next(corpus.batches(tokenizer, 0))
    assert batch.tokens.size <= setting.rows * setting.length
    again = next(corpus.batches(tokenizer, 0))
    assert (batch.tokens == again.tokens).all() and (batch.weights == again.weights).all()


def test_settings_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="kind"):
        CountdownSetting(kind="other")
