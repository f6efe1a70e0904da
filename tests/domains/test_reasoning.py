"""The reasoning domain: each kind's generator, solver, checker and oracle, against brute force."""

from __future__ import annotations

import random
import re
from itertools import islice

import numpy as np
import pytest

from domains.reasoning.cube import TURNS, distance, turned
from domains.reasoning.kind import ANSWER
from domains.reasoning.memory import StatementMemory, recalled
from domains.reasoning.oracle import OracleScorer
from domains.reasoning.puzzles import KINDS, Puzzle, answer_of, draw, puzzle_of, puzzles, split
from domains.reasoning.task import TASK, ReasoningTask
from domains.reasoning.training.mistakes import mistaken
from domains.splits import SPLITS, split_of
from smc.potential import log_complete, log_prefix
from tests.domains import reasoning_brute_force as brute

SEEDS = range(40)
JOINED = {"game24": (", ", " left "), "packing": (" / ", " sum "), "blocks": (", ", ": "),
          "cube": (" ", ": "), "trip": (" ", "@")}  # fmt: skip
"""Of kinds with choices: what joins the parts of an answer, and ends them in a step."""


def drawn(kind: str, seed: int) -> Puzzle:
    return draw(kind, random.Random(f"{kind} {seed}"))


@pytest.mark.parametrize("kind", KINDS)
def test_the_solver_agrees_with_the_checker_and_with_brute_force(kind):
    for seed in SEEDS:
        puzzle = drawn(kind, seed)
        solution = puzzle.solve()
        assert KINDS[kind].is_right(puzzle.question, solution.answer)
        assert brute.RIGHT[kind](puzzle.question, solution.answer)
        assert puzzle.is_right("\n".join(solution.lines))
        assert all(puzzle.sound(solution.lines))
        assert puzzle_of(puzzle.prompt()) == puzzle_of(puzzle.prompt("direct")) == puzzle
        assert puzzle.text.isascii() and puzzle.text.count("\n") == 1 and len(puzzle.text) < 200
        assert len(solution.steps) <= 12 and "" not in solution.lines


@pytest.mark.parametrize("kind", KINDS)
def test_the_checker_takes_of_mutants_those_that_brute_force_takes(kind):
    rng, refused = random.Random(f"mutants {kind}"), 0
    for seed in SEEDS:
        puzzle = drawn(kind, seed)
        right = puzzle.solve().answer
        other = drawn(kind, seed + 1000).solve().answer
        mutants = [other, "", " ", "yes", "no", "a", "0", right + " ", right + right, right.upper()]
        mutants += [mutant(right, puzzle.question, rng) for _ in range(20)]
        for answer in mutants:
            told = KINDS[kind].is_right(puzzle.question, answer)
            assert told is brute.RIGHT[kind](puzzle.question, answer), (puzzle, answer)
            refused += not told
    assert refused > 15 * len(SEEDS)


def mutant(answer: str, question: str, rng: random.Random) -> str:
    """An answer with a part replaced, left out, put in twice, or two parts swapped."""
    parts = re.findall(r"\d+|\w+|[^\w]", answer)
    shown = re.findall(r"\d+|\w+|[-+*/]", question)
    k, j = rng.randrange(len(parts)), rng.randrange(len(parts))
    match rng.randrange(5):
        case 0:
            parts[k] = str(int(parts[k]) + rng.choice((-1, 1))) if parts[k].isdigit() else ""
        case 1:
            parts[k] = rng.choice(shown)
        case 2:
            del parts[k]
        case 3:
            parts.insert(k, parts[k])
        case _:
            parts[k], parts[j] = parts[j], parts[k]
    return "".join(parts)


@pytest.mark.parametrize("kind", JOINED)
def test_the_oracle_knows_what_can_still_be_solved(kind):
    """By trying all that the rules allow, from wherever random play has come to."""
    seen = set()
    for seed in SEEDS:
        puzzle, rng = drawn(kind, seed), random.Random(f"play {seed}")
        steps: list[str] = []
        while allowed := KINDS[kind].moves(puzzle.question, steps):
            steps.append(rng.choice(allowed))
            told = KINDS[kind].follows(puzzle.question, steps)
            assert told is solvable(puzzle, steps), (puzzle, steps)
            seen.add(told)
            if not told:
                break
    assert seen == {True, False}


def solvable(puzzle: Puzzle, steps: list[str]) -> bool:
    mark, end = JOINED[puzzle.kind]
    parts = [step.split(" ")[-1] if end == "@" else step.removeprefix("bin ").split(end)[0]
             for step in steps]  # fmt: skip
    if brute.RIGHT[puzzle.kind](puzzle.question, mark.join(parts)):
        return True
    if puzzle.kind == "packing" and len(steps) >= int(re.findall(r"in (\d)", puzzle.question)[0]):
        return False
    onward = KINDS[puzzle.kind].moves(puzzle.question, steps)
    return any(solvable(puzzle, [*steps, move]) for move in onward)


@pytest.mark.parametrize("kind", KINDS)
def test_a_mistake_is_one_and_what_comes_before_is_sound(kind):
    rng, places = random.Random(f"mistakes {kind}"), set()
    for seed in range(150):
        puzzle = drawn(kind, seed)
        lines, right = mistaken(puzzle, rng), puzzle.solve().lines
        flags = puzzle.sound(lines)
        assert not all(flags)
        at = flags.index(False)
        assert not any(flags[at:]) and lines[:at] == right[:at] and lines[at] != right[at]
        places.add(at)
        assert not puzzle.is_right("\n".join(lines[: at + 1]))
    assert len(places) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_texts_that_are_no_solution(kind):
    puzzle = drawn(kind, 0)
    lines = puzzle.solve().lines
    last = "\n".join(lines)
    assert puzzle.is_right(last + "\n") and puzzle.is_right(lines[-1])
    for text in ("", "\n", *lines[:-1], last + "\n\n", last + "\nso", f"{ANSWER}", "answer:"):
        assert not puzzle.is_right(text)
    assert puzzle.sound([*lines, lines[-1]]) == (*[True] * (len(lines) - 1), False, False)
    assert puzzle.sound(["", *lines]) == (False,) * (len(lines) + 1)
    assert puzzle.sound([f"{line}\n" for line in lines]) == (True,) * len(lines)
    with pytest.raises(ValueError, match=kind):
        Puzzle(kind, "what is this?").solve()


def test_the_last_line_is_the_answer():
    assert answer_of("a\nanswer: 3\n") == "3" and answer_of("answer: a b") == "a b"
    assert answer_of("answer: 3\nx") is answer_of("") is answer_of("Answer: 3") is None
    assert split("a\n\nb") == ("a\n", "\n", "b")
    with pytest.raises(ValueError, match="not a prompt"):
        puzzle_of("poems: write one\n")


def test_turns_of_the_cube_are_those_of_the_net():
    state = "".join(chr(ord("a") + k) for k in range(24))
    for face in "URF":
        assert turned(state, face) == brute.turned(state, face)
    sexy = state
    for turn in ("R", "U", "R'", "U'") * 6:
        sexy = turned(sexy, turn)
    assert sexy == state
    # As many states at a distance as the literature has.
    near = {"".join(c * 4 for c in "wrgyob")}
    for count, far in ((9, 1), (54, 2), (321, 3)):
        near = {turned(s, t) for s in near for t in TURNS}
        near = {s for s in near if distance(s) == far}
        assert len({cube_shape(s) for s in near}) == count


def cube_shape(state: str) -> str:
    return "".join(str(list(dict.fromkeys(state)).index(c)) for c in state)


def test_parts_are_disjoint_and_repeatable():
    found = {s: list(islice(puzzles(s, 0), 110)) for s in SPLITS}
    for s in SPLITS:
        assert found[s] == list(islice(puzzles(s, 0), 110))
        assert all(split_of(p) == s for p in found[s]) and len(set(found[s])) == 110
        assert [p.kind for p in found[s][:22]] == [*KINDS, *KINDS]
    with pytest.raises(ValueError, match="split"):
        next(puzzles("dev"))  # type: ignore[arg-type]


def test_the_oracle_scores_lines():
    puzzle = Puzzle("lookup", "ann lives in riga; riga is in avalon; country of ann?")
    lines = [f"{line}\n" for line in puzzle.solve().lines]
    oracle = OracleScorer()
    wrong = (lines[0], "riga is in hetia\n", lines[2])
    assert oracle.scores(puzzle.prompt(), [tuple(lines), wrong, ()]) == [(1, 1, 1), (1, 0, 0), ()]
    assert oracle.passes == 3 and oracle.tokens == 0
    with pytest.raises(ValueError, match="expected a puzzle"):
        oracle.scores([1, 2], [])


def test_a_memory_recalls_statements_and_computes_nothing():
    puzzle = Puzzle(
        "lookup", "ann lives in riga; oslo is in hetia; riga is in avalon; country of ann?"
    )
    memory, lines = StatementMemory(), [f"{line}\n" for line in puzzle.solve().lines]
    assert memory.recall(puzzle.prompt(), "") == "ann lives in riga"
    assert memory.recall(puzzle.prompt(), lines[0]) == "riga is in avalon"
    assert memory.recall(puzzle.prompt(), "unheard is in\n") == ""
    assert recalled(puzzle.prompt(), lines[:1]) == ["riga is in avalon"]
    for kind in KINDS:
        puzzle = drawn(kind, 3)
        for statement in KINDS[kind].statements(puzzle.question):
            assert statement in puzzle.question or kind in ("game24", "packing")
    assert not KINDS["cube"].statements(drawn("cube", 0).question)


# ---- the task


def test_items_scores_and_format():
    items = TASK.items(22)
    assert items == ReasoningTask().items(30)[:22]
    for item in items:
        right = "\n".join(item.puzzle.solve().lines)
        score = TASK.score(item, right)
        assert score == {"correct": 1.0, f"correct_{item.puzzle.kind}": 1.0, "sound": 1.0}
        assert TASK.score(item, "")["correct"] == 0.0
        (shape,) = TASK.cheap(item)
        assert log_complete(shape, right) == 0.0 and log_prefix(shape, right[:-1]) == 0.0
        assert log_complete(shape, right.split(ANSWER)[0]) == -np.inf
    direct = ReasoningTask(mode="direct").items(1)[0]
    assert str(direct.prompt).endswith("\ndirect\n") and direct.puzzle == items[0].puzzle
    assert TASK.population_scores(items[0], ["a"], [1.0]) == {}
    with pytest.raises(ValueError, match="limit"):
        TASK.items(-1)
