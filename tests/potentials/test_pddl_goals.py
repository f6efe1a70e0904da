"""Potentials of goals: the laws, what each says, hostile answers, and in a run."""

import math
from collections.abc import Callable
from copy import copy
from functools import cache
from itertools import product
from statistics import fmean, stdev

import pytest

import smc
from potentials.pddl import (
    Atom,
    Constructive,
    Domain,
    GoalConsistent,
    GoalReachable,
    PDDLError,
    PlanReachesGoal,
    Problem,
    closed_expressions,
    parse_domain,
    parse_problem,
)
from potentials.pddl.answers import MAX_ATOM, AtomPotential
from smc.potential import log_complete, log_prefix
from tests.potentials.pddl_worlds import (
    ABC,
    BLOCKS,
    GRIPPER,
    POST,
    ROOMS,
    TYPED,
)

DEAD = -math.inf
TEXTS = {"blocks": (BLOCKS, ABC), "gripper": (GRIPPER, ROOMS), "typed": (TYPED, POST)}


@cache
def world(name: str) -> tuple[Domain, Problem]:
    domain = parse_domain(TEXTS[name][0])
    return domain, parse_problem(TEXTS[name][1], domain)


@cache
def potentials(name: str) -> dict[str, AtomPotential]:
    domain, problem = world(name)
    made: dict[str, AtomPotential] = {
        "consistent": GoalConsistent(domain, problem),
        "reachable": GoalReachable(domain, problem),
    }
    if name != "typed":
        made["plan"] = PlanReachesGoal(domain, problem, planner=Constructive())
    return made


def answer(atoms: list[Atom] | tuple[Atom, ...]) -> str:
    return "".join(f" {atom}" for atom in atoms) + ")"


ANSWERS = [
    " (on b c) (on-table a) (clear a))",
    " (on b c) (on-table a) (clear a",
    "\n(ON b\tc)(\r\non-table a) (clear a)\n)\n)",
    " (on c b) (clear c))",
    " (on a b) (on b c) (on c a))",
    " (on a a))",
    " (on a b) (on a c))",
    " (on a b) (on c b))",
    " (on a b) (clear b))",
    " (on a b) (holding c) (arm-empty))",
    " (on-table a) (on a b))",
    " (clear a) (clear a))",
    " (on a z))",
    " (on a))",
    " (on a b c))",
    " ())",
    " (and (on b c)))",
    " on b c)",
    " (on b c)) (on-table a))",
    " (on b c)) then",
    "",
    ")",
    "))",
    " (clear é))",
]


@pytest.mark.parametrize("name", ["consistent", "reachable", "plan"])
def test_the_laws_hold(name: str):
    smc.check_potential(potentials("blocks")[name], ANSWERS)


@pytest.mark.parametrize(
    ("text", "consistent", "reachable", "plan"),
    [
        (ANSWERS[0], 1, 1, 1),
        (ANSWERS[1], 1, 1, 1),
        (ANSWERS[2], 1, 1, 1),
        (ANSWERS[3], 1, 1, 0),
        (ANSWERS[4], 0, 1, 0),
        (ANSWERS[5], 0, 1, 0),
        (ANSWERS[6], 0, 1, 0),
        (ANSWERS[7], 0, 1, 0),
        (ANSWERS[8], 0, 1, 0),
        (ANSWERS[9], 0, 1, 0),
        (ANSWERS[10], 0, 1, 0),
        (ANSWERS[11], 1, 1, 1),
        (" (on a b) (on b c))", 1, 1, 0),
        (" (holding a) (clear b) (on b c))", 1, 1, 0),
        (" (holding a) (clear a))", 0, 1, 0),
        (" (holding a) (holding b))", 0, 1, 0),
        (" (holding a) (on b a))", 0, 1, 0),
    ],
)
def test_what_each_says_of_a_goal(text: str, consistent: int, reachable: int, plan: int):
    found = {n: log_complete(p, text) for n, p in potentials("blocks").items()}
    expected = {"consistent": consistent, "reachable": reachable, "plan": plan}
    assert found == {n: 0.0 if ok else DEAD for n, ok in expected.items()}


@pytest.mark.parametrize("text", ANSWERS[12:20])
def test_what_is_no_goal_of_the_problem_has_no_weight(text: str):
    for potential in potentials("blocks").values():
        assert log_complete(potential, text) == DEAD


def test_the_gripper_keeps_its_balls_in_one_place():
    consistent, reachable = potentials("gripper")["consistent"], potentials("gripper")["reachable"]
    for text, ok in (
        (" (at ball1 r2) (at ball2 r2) (free left) (free right))", (1, 1)),
        (" (at ball1 r1) (at ball1 r2))", (0, 1)),
        (" (at ball1 r1) (carry ball1 left))", (0, 1)),
        (" (carry ball1 left) (carry ball2 left))", (0, 1)),
        (" (carry ball1 left) (free left))", (0, 1)),
        (" (at-robby r1) (at-robby r2))", (0, 1)),
        (" (at r1 r2))", (1, 0)),
        (" (carry ball1 r1))", (1, 0)),
        (" (ball left))", (1, 0)),
        (" (ball ball1) (room r1))", (1, 1)),
    ):
        found = tuple(int(log_complete(p, text) == 0.0) for p in (consistent, reachable))
        assert found == ok, text


def test_a_closed_atom_decides_and_an_open_one_waits():
    plan = potentials("blocks")["plan"]
    assert log_prefix(plan, " (on b c) (on c b") == 0.0
    assert log_prefix(plan, " (on b c) (on c b)") == DEAD
    assert log_complete(plan, " (on b c) (on c b") == DEAD


def test_the_boundary_is_a_closed_expression():
    boundary = closed_expressions()
    state, fired = boundary.start(), []
    for token in (" (", "on b c", ")", " (on-table", " a) (", "clear", " a", "))"):
        state, fires = boundary.advance(state, token)
        fired.append(fires)
    assert fired == [False, False, True, False, True, False, False, True]
    assert all(p.boundary is not None for p in potentials("blocks").values())
    assert GoalReachable(*world("blocks"), boundary=None).boundary is None


def assert_alive(potential: AtomPotential, text: str) -> None:
    state = potential.start()
    for raw in (bytes([b]) for b in text.encode()):
        state = potential.advance(state, raw)
        assert potential.prefix(state) == 0.0, text
    assert potential.complete(state) == 0.0, text


def test_hostile_answers_only_have_no_weight():
    hostile = [
        b"(" * 200_000,
        b" (on " + b"a" * 200_000,
        b" (on a b)" * 20_000 + b" (on b b b))",
        b" (" + b" " * 200_000 + b"clear a))",
        b" (clear a))" + b"x",
        b"\xff\xfe",
        b" (clear \xff))",
        b" (clear a\x00))",
        b" (clear\x1ca))",
        b" (clear a)\xc2\xa0)",
        "\u00a0(clear a))".encode(),
    ]
    for potential in potentials("blocks").values():
        for raw in hostile:
            state = potential.advance(potential.start(), raw)
            assert potential.complete(state) == DEAD, raw[:40]
            byte_by_byte = potential.start()
            for i in range(min(len(raw), 3000)):
                byte_by_byte = potential.advance(byte_by_byte, raw[i : i + 1])
            if len(raw) <= 3000:
                assert potential.complete(byte_by_byte) == DEAD
        spaces = potential.advance(potential.start(), b" " * 200_000 + b"(clear a))")
        assert potential.complete(spaces) == 0.0


def test_the_longest_atom_is_the_same_however_it_is_split():
    reachable = potentials("blocks")["reachable"]
    for length in (MAX_ATOM - 1, MAX_ATOM, MAX_ATOM + 1):
        atom = b"(clear" + b" " * (length - 8) + b"a)"
        assert len(atom) == length
        whole = reachable.advance(reachable.start(), atom)
        halves = reachable.advance(reachable.advance(reachable.start(), atom[:99]), atom[99:])
        last = reachable.advance(reachable.advance(reachable.start(), atom[:-1]), atom[-1:])
        expected = 0.0 if length <= MAX_ATOM else DEAD
        assert {reachable.complete(s) for s in (whole, halves, last)} == {expected}


Make = Callable[..., AtomPotential]


@pytest.mark.parametrize("make", [GoalConsistent, GoalReachable, PlanReachesGoal])
def test_a_problem_of_another_domain_is_refused(make: Make):
    with pytest.raises(PDDLError, match="of the domain blocks"):
        make(world("gripper")[0], world("blocks")[1])


@pytest.mark.parametrize("kind", ["consistent", "plan"])
def test_sampling_is_unbiased_with_these_potentials(kind: str):
    """The mean evidence of many runs is the sum over all texts; boundaries do not matter."""
    tokens = {" (on b c)": 0.2, " (clear a)": 0.1, " (on a b": 0.2, ")": 0.1, " (on-": 0.1}
    tokens |= {"table a)": 0.2}
    model = smc.TableModel.constant(tokens, eos=0.1)
    potential = potentials("blocks")[kind]
    exact = 0.0
    for n in range(4):
        for sequence in product(tokens, repeat=n):
            alive = log_complete(potential, "".join(sequence)) == 0.0
            exact += alive * 0.1 * math.prod(tokens[t] for t in sequence)
    assert 0.01 < exact < 0.5
    for boundary in (closed_expressions(), None):
        potential = copy(potential)
        potential.boundary = boundary
        runs = [
            smc.sample(
                model,
                "",
                [potential],
                num_particles=20,
                max_tokens=4,
                at_max_tokens="end",
                seed=seed,
            )
            for seed in range(40)
        ]
        found = [math.exp(posterior.log_evidence) for posterior in runs]
        error = stdev(found) / math.sqrt(len(found))
        assert abs(fmean(found) - exact) < 4 * error
        texts = {t for run in runs for t, p in run.probabilities().items() if p > 0}
        assert {" (on b c)", " (clear a)", " (on-table a)"} <= texts
        assert all(log_complete(potential, text) == 0.0 for text in texts)
