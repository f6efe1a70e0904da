"""The potential and the scorer of DS-1000, on problems of our own in the interpreter at hand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path

import pytest

import smc
from domains.ds1000 import check, planting
from domains.ds1000.data import load
from domains.ds1000.harness import parse_harness
from domains.ds1000.potential import RunsOnInputs
from domains.ds1000.scoring import judge
from domains.ds1000.task import Ds1000Item, Ds1000Task
from potentials.sandbox import Limits, Sandbox
from smc.backends.table import TableModel
from smc.checking import check_potential
from smc.errors import PotentialError
from smc.model import Vocabulary
from tests.domains.ds1000_problems import (
    BODY,
    BODY_REFERENCE,
    DRAWING,
    DROPPING,
    NO_INPUT,
    PLAIN,
    REFERENCE,
    SECRET,
    context,
    written,
)

DEAD = -math.inf


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(workers=1, unsafe=True) as made:
        yield made


def potential(sandbox: Sandbox, code: str = PLAIN, seconds: float = 10.0) -> RunsOnInputs:
    limits = Limits(wall_seconds=seconds, cpu_seconds=seconds)
    return RunsOnInputs(parse_harness(code), sandbox, limits)


GOOD = [
    (PLAIN, REFERENCE),
    (PLAIN, "ys = [x * factor\n      for x in xs]"),
    (PLAIN, "def g(x):\n    return x * factor\n\nys = list(map(g, xs))\n# done"),
    (PLAIN, "try:\n    ys = xs.double()\nexcept AttributeError:\n    ys = []\n"),
    (PLAIN, "assert math.pi > 3\nys = 'wrong, but it runs'"),
    (BODY, BODY_REFERENCE),
    (
        BODY,
        "\n    if len(xs) == 1:\n        return [10]\n    y = xs[1]\n    return [1, y * factor]\n",
    ),
    (BODY, "    return xs\nfactor = 3\n"),
    (NO_INPUT, "done = 2\n"),
]


@pytest.mark.parametrize(("code", "text"), GOOD)
def test_no_beginning_of_a_good_program_is_killed(sandbox: Sandbox, code: str, text: str):
    weigh = potential(sandbox, code)
    beginnings = [text[:end] for end in range(len(text) + 1)]
    assert set(weigh.batch_prefix(beginnings)) == {0.0}
    assert weigh.complete(text) == 0.0


@pytest.mark.parametrize("code", [PLAIN, BODY])
def test_the_laws_of_a_potential(sandbox: Sandbox, code: str):
    check_potential(potential(sandbox, code), ["ys = xs\nyz\n", "  if xs: ys\n  y"])


BAD = [
    (PLAIN, "ys = []\nfor x in xz:\n    ys.append(x)\nzs = 1\n", 2),
    (PLAIN, "half = xs[1]\nys = xs\n", 1),  # an exception on the second input only
    (PLAIN, "ys = xs\nFraction(1)\nys = 1\n", 2),  # an import of the inputs', not of the program
    (PLAIN, "ys = copy.copy(xs)\nys = 1\n", 1),
    (PLAIN, "    ys = xs\nys = 2\n", 1),
    (PLAIN, "ys = xs)\nys = 2\n", 1),
    (PLAIN, "ys = xs\nraise SystemExit\nys = 2\n", 2),
    (BODY, "    a = xs[1]\n    return a\n", 1),
    (BODY, "    a = 1\n    b = nothing\n    return a\n", 2),
    (BODY, "return xs\n", 1),
    (BODY, "    return xs\nf(1)\nb = 2\n", 2),
]


@pytest.mark.parametrize(("code", "text", "at"), BAD)
def test_an_exception_kills_at_its_statement(sandbox: Sandbox, code: str, text: str, at: int):
    weigh = potential(sandbox, code)
    ends = check.statement_ends(text)
    values = weigh.batch_prefix([text[:end] for end in ends])
    # A statement that cannot go on is settled at its line end, or by the first word after it.
    assert values == [0.0] * (at - 1) + [DEAD] * (len(ends) - at + 1)
    assert weigh.complete(text) == DEAD


def test_only_a_whole_program_must_give_a_result(sandbox: Sandbox):
    weigh = potential(sandbox)
    assert weigh.prefix("zs = 1\n") == 0.0
    assert weigh.complete("zs = 1\n") == DEAD
    assert weigh.complete("") == DEAD and weigh.prefix("") == 0.0
    assert weigh.complete("x = 1\nglobal x\nys = 2") == DEAD  # no module, though its statements are


def test_the_unfinished_does_not_run(sandbox: Sandbox):
    weigh = potential(sandbox)
    assert weigh.prefix("for x in nothing:\n    x.fail()\n") == 0.0
    assert weigh.prefix("for x in nothing:\n    x.fail()\ny") == DEAD
    assert weigh.prefix("ys = xs\n<") == weigh.prefix("ys = xs\n</co") == 0.0


def test_a_timeout_waits_for_the_end(sandbox: Sandbox):
    weigh = potential(sandbox, seconds=0.5)
    text = "ys = xs\nwhile True:\n    pass\nys"
    assert weigh.prefix(text) == 0.0
    assert weigh.complete(text) == DEAD


def test_expected_answers_are_out_of_reach(sandbox: Sandbox):
    """A program that reads all that it can find in its process never meets the answer."""
    weigh = potential(sandbox)
    search = (
        "import gc, sys\n"
        "held = gc.get_objects() + [f.f_globals for f in sys._current_frames().values()]\n"
        "texts = [s for o in held if isinstance(o, (dict, list, tuple)) for s in map(str, o)]\n"
        f"assert not any({SECRET[::-1]!r}[::-1] in t and '[::-1]' not in t for t in texts)\n"
        "ys = xs\n"
    )
    assert weigh.complete(search) == 0.0


def test_lines_that_the_harness_leaves_out_do_not_run(sandbox: Sandbox):
    text = "ys = xs\nplt.show()\n"
    assert potential(sandbox, DROPPING).complete(text) == 0.0
    assert potential(sandbox, PLAIN).complete(text) == DEAD


def test_a_harness_that_fails_is_no_answer_that_fails(sandbox: Sandbox):
    weigh = potential(sandbox, context(before="xs, factor, gone = test_input\n"))
    with pytest.raises(PotentialError, match=r"ValueError.*make ds1000-env"):
        weigh.prefix("ys = 1\n")


def test_particles_wait_for_each_other_at_statements(sandbox: Sandbox):
    """A third of the programs names what is not there; the others take their place at once."""
    tokens = ("?", "ys = ", "[]\n", "xs\n", "xz\n", "# done\n", "</code>")
    follows = {1: (2, 3, 4), 2: (5,), 3: (5,), 4: (5,), 5: (6,)}
    vocabulary = Vocabulary((*(t.encode() for t in tokens), None), (len(tokens),))

    def next_probs(prefix: tuple[int, ...]) -> list[float]:
        ahead = follows.get(prefix[-1], (1,))
        return [float(i in ahead) / len(ahead) for i in range(len(tokens) + 1)]

    task = Ds1000Task(statements=True)
    posterior = smc.sample(
        TableModel(vocabulary, next_probs),
        [0],
        [potential(sandbox)],
        num_particles=12,
        ess_threshold=0.9,
        resample_at=task.resample_at,
        stop=task.stop,
    )
    texts = [s.text for s in posterior.sequences]
    assert set(texts) == {"ys = []\n# done\n", "ys = xs\n# done\n"}
    assert [step.resampled for step in posterior.history] == [False, True, False, False]


@pytest.fixture
def items(tmp_path: Path) -> dict[int, Ds1000Item]:
    root = written(tmp_path)
    assert load(root)
    return {i.problem.problem_id: i for i in Ds1000Task().items(None, root)}


def test_the_tests_of_the_benchmark_judge(sandbox: Sandbox, items: dict[int, Ds1000Item]):
    problem = items[0].problem
    assert judge(problem, REFERENCE, sandbox).correct
    assert judge(problem, "ys = [factor * x for x in xs]", sandbox).correct
    for wrong, cause in [
        ("", "NameError: name 'ys'"),
        ("ys = xs", "AssertionError"),
        ("ys = [1, 6] if len(xs) == 2 else xs", "AssertionError"),  # the second input
        ("ys = [", "SyntaxError"),
        (BODY_REFERENCE, "IndentationError"),
        ("raise SystemExit(0)", "exited"),
        ("import os\nos._exit(0)", "killed"),
    ]:
        verdict = judge(problem, wrong, sandbox)
        assert not verdict.correct and verdict.cause.startswith(cause), verdict
    assert judge(items[2].problem, BODY_REFERENCE, sandbox).correct


LYING = {
    "it equals all": "class Y(list):\n    def __eq__(self, other): return True\nys = Y()\n",
    "the built-in exception": "import builtins\nbuiltins.AssertionError = type(None)\nys = []\n",
    "nothing raises": "import builtins\nbuiltins.list = builtins.float = object\nys = []\n",
    "it watches": (
        "import sys\n"
        "def watch(frame, event, arg):\n"
        "    frame.f_trace_opcodes = False\n"
        "    if 'ans' in frame.f_locals: frame.f_globals['exec_test'] = lambda *_: 1\n"
        "    return watch\n"
        "sys.settrace(watch)\nys = []\n"
    ),
    "it finds the harness": (
        "import sys\n"
        "frame = sys._getframe()\n"
        "while frame is not None:\n"
        "    if 'exec_test' in frame.f_globals: frame.f_globals['exec_test'] = lambda *_: 1\n"
        "    if 'expected_result' in frame.f_locals: ys = frame.f_locals['expected_result']\n"
        "    frame = frame.f_back\n"
        "ys = globals().get('ys', [])\n"
    ),
    "it finds the answer": (
        "import gc\n"
        "ys = []\n"
        "for f in gc.get_objects():\n"
        "    if getattr(f, '__name__', '') == 'generate_ans': ys = f(test_input)\n"
        "    if getattr(f, '__name__', '') == 'generate_test_case': ys = f(1)[1]\n"
    ),
    "a module in the harness's place": (
        "for name in ('copy', 'fractions'):\n"
        "    with open(f'{name}.py', 'w') as file:\n"
        "        file.write('deepcopy = lambda x: ([], 1)\\nFraction = lambda *_: 0\\n')\n"
        "ys = []\n"
    ),
    "words at its end": (
        "import atexit, os, sys\n"
        "class Out:\n"
        "    def write(self, text): pass\n"
        "    def flush(self): os._exit(0)\n"
        "sys.stdout = Out()\natexit.register(os._exit, 0)\nys = []\n"
    ),
}


@pytest.mark.parametrize("name", LYING)
def test_a_program_that_is_written_to_pass_does_not(
    sandbox: Sandbox, items: dict[int, Ds1000Item], name: str
):
    assert not judge(items[0].problem, LYING[name], sandbox).correct


DRAWN = {
    "plt.bar(x, x)\nplt.ylabel('number')\nplt.show()": True,  # the same image
    "plt.bar(x, x, color='red')\nplt.ylabel('number')": True,  # another, with what is asked for
    "plt.bar(x, x)": False,
    "plt.bar(x[:2], x[:2])\nplt.ylabel('number')": False,
    "plt.bar(x, x)\nfor name in ('ans.png', 'output.png'): plt.gcf().savefig (name)": False,
    "plt.plot(x)\nopen('output.png', 'wb').close()\nplt.savefig = print": False,
}


@pytest.mark.parametrize("answer", DRAWN)
def test_what_is_drawn_is_compared_where_the_program_cannot_reach_it(
    sandbox: Sandbox, items: dict[int, Ds1000Item], answer: str
):
    pytest.importorskip("matplotlib")
    problem = dataclasses.replace(items[0].problem, context=DRAWING, reference="")
    limits = Limits(wall_seconds=60.0, cpu_seconds=60.0, memory_bytes=4 << 30)
    verdict = judge(problem, answer, sandbox, limits)
    assert verdict.correct is DRAWN[answer], verdict


def test_the_text_of_an_answer_is_tested_where_it_is_to_be(
    sandbox: Sandbox, items: dict[int, Ds1000Item]
):
    loop = "ys = []\nfor x in xs: ys.append(x * factor)"
    assert judge(items[0].problem, loop, sandbox).correct
    assert not judge(items[1].problem, loop, sandbox).correct
    assert judge(items[1].problem, "ys = list(map(factor.__mul__, xs))", sandbox).correct is False


def test_an_answer_that_does_not_end_is_wrong(sandbox: Sandbox, items: dict[int, Ds1000Item]):
    limits = Limits(wall_seconds=0.5, cpu_seconds=0.5)
    verdict = judge(items[0].problem, "while True: pass", sandbox, limits)
    assert not verdict.correct and "did not end within" in verdict.cause


def test_the_check_finds_what_is_wrong(sandbox: Sandbox, items: dict[int, Ds1000Item]):
    def kinds(item: Ds1000Item, other: Ds1000Item) -> list[str]:
        return [f.kind for f in check.examine(item, other, sandbox)]

    assert kinds(items[0], items[2]) == []
    # Its tests look at nothing, and the other answer gives what they need.
    accepting = dataclasses.replace(
        items[5].problem, context=NO_INPUT.replace("result = done", "result = 0")
    )
    lax = dataclasses.replace(items[5], problem=accepting, harness=parse_harness(accepting.context))
    assert kinds(lax, items[0]) == [check.EMPTY]
    alike = dataclasses.replace(lax, problem=dataclasses.replace(accepting, reference="pass"))
    assert kinds(lax, alike) == [check.EMPTY, check.OTHER]
    swapped = dataclasses.replace(items[2].problem, reference=REFERENCE)
    assert kinds(dataclasses.replace(items[2], problem=swapped), items[0]) == [check.REFERENCE]
    # Tests that pass what the potential would kill.
    strict = dataclasses.replace(items[0], harness=parse_harness(context(after="\nresult = zs")))
    assert kinds(strict, items[2]) == [check.PREFIX]


PLANTED = """import math as m
table = {"a": xs, "b": m.pi}
if m.pi:
    ys = list(table["a"])
ys += [len(ys)]
"""


def test_planted_errors_are_killed_where_they_strike(
    sandbox: Sandbox, items: dict[int, Ds1000Item]
):
    problem = dataclasses.replace(items[0].problem, reference=PLANTED)
    found = list(planting.candidates(dataclasses.replace(items[0], problem=problem)))
    assert {p.kind for p in found} >= set(planting.KINDS) - {"wrong shape"}
    expected = {
        PLANTED.replace("import math as m", "pass"): 1,
        PLANTED.replace('"a": xs', '"a": undefined_name'): 1,
        PLANTED.replace('table["a"]', "table['no such column']"): 2,
        PLANTED.replace("if m.pi", "if (object()).pi"): 2,
        PLANTED.replace("len(ys)", "len(undefined_name)"): 3,
    }
    for planted in found:
        if planted.text in expected:
            at = planting.strikes_at(planted, sandbox)
            assert at == planting.killed_at(planted, sandbox) == expected.pop(planted.text)
    assert not expected
    sound = planting.Planted(found[0].item, found[0].kind, PLANTED)
    assert planting.strikes_at(sound, sandbox) is planting.killed_at(sound, sandbox) is None
    assert [p.text for p in planting.drawn([found[0].item], 0)] != [p.text for p in found]
