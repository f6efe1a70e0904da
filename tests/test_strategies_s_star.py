"""S* on scripted writers: repairs against public tests, and selection by telling inputs."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from potentials.python.candidates import SandboxRunner
from potentials.sandbox import Limits, Sandbox
from smc.errors import EndpointError, SettingsError
from smc.strategies.program_selection import inputs_of
from smc.strategies.programs import ProgramOutput, PublicTest, code_of
from smc.strategies.s_star import s_star
from tests.writers import ScriptedWriter, in_turn

EVEN = [PublicTest("is_even(2)", "True"), PublicTest("is_even(3)", "False")]
RIGHT = "def is_even(n):\n    return n % 2 == 0\n"
WRONG = "def is_even(n):\n    return n % 2 == 1\n"
HALF = "def is_even(n):\n    return True\n"


@dataclass
class TrustingRunner:
    """Runs what the tests wrote themselves, in this process."""

    ran: list[tuple[str, str]] = field(default_factory=list)

    def run(self, jobs: Sequence[tuple[str, str]]) -> list[ProgramOutput]:
        self.ran += jobs
        return [self._one(program, given) for program, given in jobs]

    @staticmethod
    def _one(program: str, given: str) -> ProgramOutput:
        names: dict[str, object] = {}
        try:
            exec(program, names)
            return ProgramOutput(True, repr(eval(given, names)))
        except Exception as error:
            return ProgramOutput(False, error=f"{type(error).__name__}: {error}")


def fenced(program: str) -> str:
    return f"Here it is:\n```python\n{program}```\n"


def roles(drafts: Sequence, repairs: Sequence = (), inputs: str = "", decide=lambda prompt: "0"):
    """A writer that answers by what it is asked for."""
    first, again = iter(drafts), iter(repairs)

    def reply(prompt: str, uniform: float):
        if "Which program is right" in prompt:
            return decide(prompt)
        if "Write inputs" in prompt:
            return inputs
        return next(again) if "Earlier programs" in prompt else next(first)

    return ScriptedWriter(reply)


def solve(writer, tests=EVEN, **changes):
    how = {"num_solutions": 1, "repairs": 2} | changes
    return s_star(writer, "Write is_even.", TrustingRunner(), tests, **how)


def test_a_program_is_repaired_with_its_failures_in_sight():
    writer = roles([fenced(WRONG)], [fenced(HALF), fenced(RIGHT)])
    result = solve(writer)
    assert result.answer == RIGHT and result.trajectories[0].value == 1.0
    assert [c.role for c in result.calls] == ["draft", "repair", "repair"]
    first, second = writer.prompts[1:]
    assert "is_even(2) gave 'False', expected 'True'" in first and "n % 2 == 1" in first
    assert "is_even(3) gave 'True', expected 'False'" in second
    assert second.index("n % 2 == 1") < second.index("return True"), "all of them, in order"
    assert "is_even(2) gave 'True'" not in second


def test_errors_are_shown():
    writer = roles([fenced("def is_even(n):\n    return n + ''\n")], [fenced(RIGHT)])
    assert solve(writer).answer == RIGHT
    assert "is_even(2) ended with: TypeError" in writer.prompts[1]


def test_what_passes_is_left_alone_and_repairs_end():
    writer = roles([fenced(RIGHT), fenced(WRONG)], [fenced(WRONG)] * 2)
    result = solve(writer, num_solutions=2)
    assert writer.sizes == [2, 1, 1] and result.answer == RIGHT
    assert len(solve(roles([fenced(WRONG)]), repairs=0).calls) == 1


def test_where_none_passes_the_first_that_passes_most_is_taken():
    half = "def is_even(n):\n    return False\n"
    result = solve(roles([fenced(WRONG), fenced(HALF), fenced(half)]), num_solutions=3, repairs=0)
    assert result.answer == HALF and result.votes
    assert [t.value for t in result.trajectories] == [0.0, 0.5, 0.5]


def test_samples_and_repairs_that_fail_lose_nothing_else():
    down = EndpointError("it is down")
    result = solve(roles([down, fenced(HALF)], [down, fenced(RIGHT)]), num_solutions=2)
    assert result.answer == RIGHT and result.errors == ("it is down",)
    assert [t.value for t in result.trajectories] == [0.0, 1.0]
    with pytest.raises(EndpointError):
        solve(roles([down]))


ROOTS = [PublicTest("root(16)", "4"), PublicTest("root(17)", "4")]
EXACT = "import math\ndef root(n):\n    return math.isqrt(n)\n"
ROUNDED = "import math\ndef root(n):\n    return int(math.sqrt(n))\n"
LARGE = f"root({10**16 - 1})"


def prefers_exact(prompt: str) -> str:
    first = prompt.split("Program 1:\n")[1].split("Program 2:")[0]
    return "1" if "isqrt" in first else "2"


@pytest.mark.parametrize("order", [(EXACT, ROUNDED), (ROUNDED, EXACT)])
def test_programs_are_told_apart_by_an_input(order):
    assert math.isqrt(10**16 - 1) != int(math.sqrt(10**16 - 1))
    writer = roles(map(fenced, order), inputs=f"1. {LARGE}\nroot(9)", decide=prefers_exact)
    result = solve(writer, ROOTS, num_solutions=2)
    assert result.answer == EXACT and result.votes == {EXACT: 1.0, ROUNDED: 0.0}
    asked = [p for p in writer.prompts if "Which program is right" in p]
    assert len(asked) == 2, "once in each order"
    for prompt, (one, two) in zip(asked, (order, order[::-1]), strict=True):
        assert prompt.index(one) < prompt.index(two)
        gives = re.search(
            rf"{re.escape(LARGE)}: program 1 gives (\d+); program 2 gives (\d+)", prompt
        )
        assert gives is not None
        expected = ["99999999", "100000000"] if one == EXACT else ["100000000", "99999999"]
        assert list(gives.groups()) == expected
        assert "root(9):" not in prompt, "they do not differ there"


@pytest.mark.parametrize("said", ["0", "1", "2", "no idea", "12"])
def test_a_judge_that_cannot_tell_leaves_the_first(said):
    writer = roles([fenced(ROUNDED), fenced(EXACT)], inputs=LARGE, decide=lambda prompt: said)
    result = solve(writer, ROOTS, num_solutions=2)
    assert result.answer == ROUNDED and set(result.votes.values()) == {0.0}


def test_without_points_the_code_alone_decides():
    """Seen with outputs the judge cannot tell; without, it prefers the exact one."""

    def decide(prompt: str) -> str:
        return prefers_exact(prompt) if "were not run" in prompt else "0"

    writer = roles([fenced(ROUNDED), fenced(EXACT)], inputs=LARGE, decide=decide)
    result = solve(writer, ROOTS, num_solutions=2)
    assert result.answer == EXACT and result.chosen == 1
    assert [c.role for c in result.calls].count("decision") == 4


def test_equal_outputs_ask_for_no_decision():
    other = EXACT.replace("return", "return +")
    writer = roles([fenced(EXACT), fenced(other)], inputs="root(1)\nroot(4)", decide=None)
    result = solve(writer, ROOTS, num_solutions=2)
    assert result.answer == EXACT and [c.role for c in result.calls] == ["draft"] * 2 + ["inputs"]


def test_equal_programs_need_no_judge():
    writer = roles([fenced(EXACT)] * 3, decide=None)
    result = solve(writer, ROOTS, num_solutions=3)
    assert [c.role for c in result.calls] == ["draft"] * 3 and result.answer == EXACT


def test_clusters_give_their_points_to_all_members():
    """Two programs of the right cluster, one of the wrong: the cluster wins, its first is taken."""
    again = EXACT.replace("return", "return +")
    writer = roles(
        [fenced(ROUNDED), fenced(EXACT), fenced(again)], inputs=LARGE, decide=prefers_exact
    )
    result = solve(writer, ROOTS, num_solutions=3)
    assert result.votes == {EXACT: 1.0, again: 1.0, ROUNDED: 0.0} and result.chosen == 1
    assert len([c for c in result.calls if c.role == "decision"]) == 2, "one match a pair"


def test_a_program_that_fails_on_an_input_has_no_part_in_it():
    fails = EXACT.replace("return", "assert n < 100\n    return")
    writer = roles([fenced(fails), fenced(EXACT)], inputs=LARGE, decide=None)
    result = solve(writer, ROOTS, num_solutions=2)
    assert result.answer == fails and "decision" not in {c.role for c in result.calls}


def test_inputs_and_code_are_read():
    assert inputs_of("") == [] and inputs_of("* f(1)\n2) f(2)\nf(1)") == ["f(1)", "f(2)"]
    assert len(inputs_of("\n".join(f"f({i})" for i in range(99)))) == 8
    assert code_of("x = 1") == "x = 1" and code_of("```\na\n```\n```py\nb") == "b"


@pytest.mark.parametrize(
    "wrong", [{"tests": []}, {"repairs": -1}, {"repairs": True}, {"num_solutions": 0}], ids=str
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(SettingsError):
        solve(in_turn("x"), **({"tests": EVEN} | wrong))


# ---- the runner over the sandbox


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(limits=Limits(wall_seconds=60.0, cpu_seconds=2.0)) as made:
        yield made


def test_programs_are_called_in_the_sandbox(sandbox):
    runner = SandboxRunner(sandbox)
    loops, leaves = "def f(n):\n    while True: pass\n", "import os\nos._exit(0)\n"
    jobs = [
        ("def f(n):\n    return n + 1\n", "f(1)"),
        ("def f(n):\n    return 'é'\n", "f(1)"),
        ("def f(n):\n    print('loud')\n", "f(1)"),
        (loops, "f(1)"),
        (leaves, "f(1)"),
        ("raise SystemExit(0)\n", "f(1)"),
        ("def f(n):\n    raise ValueError('no')\n", "f(1)"),
        ("def f(:\n", "f(1)"),
        ("x = 1\n", "f(1)"),
        ("def f(n):\n    return n\n", "f(1"),
    ]
    found = runner.run(jobs)
    assert [r.output for r in found[:3]] == ["2", "'é'", "None"]
    assert [r.ok for r in found] == [True] * 3 + [False] * 7
    assert "ValueError: no" in found[6].error and "NameError" in found[8].error
    assert all(r.error for r in found[3:])


def test_programs_read_their_input_in_the_sandbox(sandbox):
    runner = SandboxRunner(sandbox, "stdin")
    doubles = "n = int(input())\nprint(2 * n)\nprint(input())\n"
    (good, short) = runner.run([(doubles, "21\nend"), (doubles, "21")])
    assert good == ProgramOutput(True, "42\nend\n")
    assert not short.ok and "EOFError" in short.error
    assert PublicTest("21\nend", "42\nend").passed(good) and runner.run([]) == []
    with pytest.raises(SettingsError, match="kind"):
        SandboxRunner(sandbox, "file")  # type: ignore[arg-type]


def test_hostile_programs_get_no_marks(sandbox):
    """One says that it equals everything; outputs are texts, made by `repr` of its value."""
    liar = (
        "class Yes:\n    def __eq__(self, other): return True\n"
        "    def __repr__(self): return 'yes'\ndef is_even(n):\n    return Yes()\n"
    )
    writer = roles([fenced(liar), fenced(RIGHT)])
    result = s_star(writer, "Q", SandboxRunner(sandbox), EVEN, num_solutions=2, repairs=0)
    assert [t.value for t in result.trajectories] == [0.0, 1.0] and result.answer == RIGHT
