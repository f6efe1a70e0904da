"""Equivalence of planning problems: rules, brute force and disguises."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from domains.planetarium import check
from domains.planetarium.brute_force import brute_equivalent, goal_states
from domains.planetarium.disguise import altered, disguised, renamed, wl_hashes
from domains.planetarium.equivalence import (
    equivalent,
    fully_specified,
    problem_fingerprint,
    solvable,
)
from domains.planetarium.generate import balls, blocks
from domains.planetarium.worlds import WORLDS
from potentials.pddl import Atom, Problem


def atoms(text):
    return tuple(Atom(words[0], tuple(words[1:])) for words in map(str.split, text.split(",")))


TABLE = "arm-empty, clear a, clear b, clear c, on-table a, on-table b, on-table c"
HALLS = (
    "ball a, ball b, room r, room s, gripper g, gripper h, at a r, at b s, free g, free h, "
    "at-robby r"
)
HALL = "ball a, room r, gripper g, at a r, free g, at-robby r"


def blocksworld(goal, init=TABLE, names="abc"):
    return _problem("blocksworld", names, init, goal)


def gripper(goal, init=HALLS, names="abrsgh"):
    return _problem("gripper", names, init, goal)


def _problem(domain, names, init, goal):
    goal = atoms(goal) if goal else ()
    return Problem("p", domain, dict.fromkeys(names, "object"), frozenset(atoms(init)), goal)


def random_problem(rng):
    return blocks(rng, rng.randint(1, 14)) if rng.random() < 0.6 else balls(rng, 3, 6)


@pytest.mark.parametrize(
    ("problem", "added"),
    [
        # The tower says where all blocks are.
        (blocksworld("on a b, on b c"), "clear a, on-table c, arm-empty"),
        # b may be on a or c, or held.
        (blocksworld("clear b"), None),
        # Only c is without a place; only a may have something on it, but c is under it.
        (blocksworld("on a b, on b c, arm-empty"), "clear a, on-table c"),
        # c is on the table, on a, or in the arm.
        (blocksworld("on a b, on-table b"), None),
        (blocksworld("on a b, on-table b, arm-empty"), "clear c"),
        (blocksworld("on a b, on-table b, arm-empty, clear a"), "clear c, on-table c"),
        (blocksworld("holding a, on b c"), "clear b, on-table c"),
        (blocksworld("", names="", init="arm-empty"), "arm-empty"),
        (gripper("at a r, at b r"), "free g, free h"),
        (gripper("at a r"), ""),
        (gripper("carry a g, at b s"), "free h"),
        # One room: the robot is there; a ball whose gripper is free is there too.
        (gripper("", HALL, "arg"), "at-robby r"),
        (gripper("free g", HALL, "arg"), "at-robby r, at a r"),
        (gripper("", "ball a, room r, room s, at a s, at-robby r", "ars"), "at a s"),
    ],
)
def test_goals_are_fully_specified(problem, added):
    static = [a for a in problem.init if a.predicate in ("ball", "room", "gripper")]
    expected = set(problem.goal) | set(static) | set(atoms(added) if added else ())
    assert fully_specified(problem) == expected
    assert fully_specified(problem) == frozenset.intersection(*goal_states(problem))


@pytest.mark.parametrize(
    "problem",
    [
        blocksworld("on a b, on b a"),
        blocksworld("on a a"),
        blocksworld("on a b, on a c"),
        blocksworld("on b a, on c a"),
        blocksworld("on a b, on-table a"),
        blocksworld("on a b, clear b"),
        blocksworld("holding a, holding b"),
        blocksworld("holding a, arm-empty"),
        blocksworld("holding a, clear a"),
        blocksworld("holding a, on b a"),
        blocksworld("holding a, on-table a"),
        blocksworld("clear a", init="arm-empty, clear a, on-table a"),
        gripper("at a r, at a s"),
        gripper("at a r, carry a g"),
        gripper("carry a g, carry b g"),
        gripper("carry a g, free g"),
        gripper("at-robby r, at-robby s"),
        gripper("at r a"),
        gripper("at a g"),
        gripper("free a"),
        gripper("ball r"),
        gripper("carry a b"),
        gripper("at-robby a"),
        gripper("at a r", "ball a, room r, room s, at a s, at-robby r", "ars"),
        gripper("at a r", init=HALLS.replace("at-robby r", "free g")),
        gripper("at a r", init=HALLS + ", room a"),
        gripper("at a r", init=HALLS.replace("free h", "free g")),
    ],
)
def test_goals_that_no_plan_reaches_are_seen(problem):
    assert not solvable(problem)
    assert not equivalent(problem, problem)
    with pytest.raises(ValueError, match="no plan solves the problem p"):
        fully_specified(problem)


def test_another_domain_is_an_error():
    with pytest.raises(ValueError, match="expected blocksworld or gripper"):
        solvable(replace(blocksworld("clear a"), domain="floor"))


def test_problems_of_another_domain_or_size_are_not_equivalent():
    assert not equivalent(blocksworld("on a b, on b c"), gripper("at a r, at b r"))
    small = blocksworld("on a b", "arm-empty, clear a, clear b, on-table a, on-table b", "ab")
    assert not equivalent(small, blocksworld("on a b, on-table b, on-table c, clear c"))


def test_a_placeholder_lets_initial_state_and_goal_be_renamed_apart():
    start = "arm-empty, on a b, on b c, clear a, on-table c"
    up, down = blocksworld("on a b, on b c", start), blocksworld("on c b, on b a", start)
    assert not equivalent(up, down)
    assert equivalent(up, down, placeholder=True)
    assert not equivalent(up, blocksworld("on a b, on-table b", start), placeholder=True)


def test_problems_written_otherwise_are_equivalent():
    rng = random.Random(11)
    for _ in range(150):
        problem = random_problem(rng)
        other = disguised(rng, problem)
        assert equivalent(problem, other)
        assert problem_fingerprint(problem) == problem_fingerprint(other)
        assert equivalent(problem, disguised(rng, problem, placeholder=True), placeholder=True)


def test_problems_with_an_atom_changed_are_not_equivalent():
    rng = random.Random(12)
    for _ in range(60):
        problem = random_problem(rng)
        other = altered(rng, problem)
        assert other is not None
        assert solvable(other)
        assert not equivalent(problem, other)
        assert not equivalent(problem, renamed(rng, other))


def test_the_referee_of_altered_problems_does_not_look_at_names():
    rng = random.Random(13)
    for _ in range(20):
        problem = random_problem(rng)
        assert wl_hashes(problem, False) == wl_hashes(renamed(rng, problem), False)


@pytest.mark.parametrize("count", [0, 1])
def test_rules_agree_with_brute_force_on_all_problems_of_a_block(count):
    problems = check.all_of_blocks(count)
    assert len(problems) == {0: 1 * 2, 1: 2 * 2**4}[count]
    assert all(check.closure_is_right(problem) for problem in problems)
    pairs = [(a, b) for a in problems for b in problems]
    made, same, wrong = check.compare(pairs)
    assert (made, wrong) == (2 * len(pairs), 0)
    assert same


def test_rules_agree_with_brute_force_on_random_small_problems():
    rng = random.Random(14)
    problems = [check.random_problem(rng) for _ in range(150)]
    assert {solvable(problem) for problem in problems} == {True, False}
    assert all(check.closure_is_right(problem) for problem in problems)
    made, same, wrong = check.compare(check.random_pairs(rng, 40))
    assert wrong == 0
    assert made / 10 < same < made * 9 / 10


def test_brute_force_tells_renamed_problems_from_others():
    one = blocksworld("on a b, on-table b, arm-empty")
    assert brute_equivalent(one, blocksworld("on c a, on-table a, arm-empty"))
    assert not brute_equivalent(one, blocksworld("on c a, on-table a"))
    assert not brute_equivalent(blocksworld("on a a"), blocksworld("on a a"))


def test_large_problems_full_of_likes_are_decided():
    names = [f"b{i}" for i in range(100)]
    flat = ["arm-empty", *(f"clear {n}" for n in names), *(f"on-table {n}" for n in names)]
    pairs = [f"on {a} {b}" for a, b in zip(names[::2], names[1::2], strict=True)]
    one = _problem("blocksworld", names, ", ".join(flat), ", ".join(pairs))
    other = _problem("blocksworld", names, ", ".join(flat), ", ".join(pairs[:-1]))
    rng = random.Random(16)
    assert equivalent(one, renamed(rng, one))
    assert not equivalent(one, renamed(rng, other))


def test_worlds_are_those_of_the_pddl():
    assert set(WORLDS) == {"blocksworld", "gripper"}
    assert all(world.domain.name == name for name, world in WORLDS.items())


def test_the_check_prints_its_figures(tmp_path, capsys):
    import json

    from domains.planetarium.generate import problem_text

    rng = random.Random(17)
    rows = [
        {
            "domain": problem.domain,
            "natural_language": "Your goal is this.",
            "problem_pddl": problem_text(problem),
            "init_is_abstract": 0,
            "goal_is_abstract": 0,
            "is_placeholder": index % 2,
        }
        for index, problem in enumerate([blocks(rng, 3), balls(rng, 1, 1), blocks(rng, 12)])
    ]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    code = check.main(["--data", str(tmp_path), "--random", "3", "--blocks", "1"])
    told = capsys.readouterr().out
    assert code == 0
    assert "written otherwise: 3 equivalent, 0 not" in told
    assert "one atom changed: 3 not equivalent, 0 equivalent, 0 left out" in told
    assert "all 32 problems of 1 blocks: 0 closures wrong" in told
