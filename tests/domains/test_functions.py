"""Programming problems: references, mutants, answers as programs, files of others, and S*."""

from __future__ import annotations

import collections
import dataclasses
import math

import pytest

from benchmarks.tasks import load_task
from domains.base import Item
from domains.functions.data import FORMATS, load
from domains.functions.judging import judge, runner
from domains.functions.own import own_problems
from domains.functions.problem import FunctionProblem, examples_of
from domains.functions.task import TASK, FunctionsTask
from potentials.python import PythonSyntax, PythonTests
from potentials.python.candidates import SandboxRunner
from potentials.sandbox import Limits, Sandbox
from smc.potential import log_prefix
from smc.strategies.programs import PublicTest
from smc.strategies.s_star import s_star
from tests.domains.programming_files import HUMANEVAL, MBPP, mutants, write
from tests.writers import ScriptedWriter

PROBLEMS = own_problems()


@pytest.fixture(scope="module")
def sandbox():
    """Endless mutants end soon by their processor time, and none because the machine is busy."""
    with Sandbox(limits=Limits(wall_seconds=60.0, cpu_seconds=1.0)) as made:
        yield made


def problem_called(name):
    return next(p for p in PROBLEMS if p.name == name)


# ---- the sixty problems


def test_there_are_twelve_problems_of_each_level_in_turn():
    assert collections.Counter(p.level for p in PROBLEMS) == dict.fromkeys(range(1, 6), 12)
    assert [p.level for p in PROBLEMS] == [1, 2, 3, 4, 5] * 12
    assert len({p.id for p in PROBLEMS}) == len({p.name for p in PROBLEMS}) == 60


def test_problems_have_examples_and_hidden_tests_of_their_function():
    for p in PROBLEMS:
        assert 2 <= len(p.examples) <= 3 and 5 <= len(p.hidden) <= 8, p.id
        assert p.prompt.startswith(f"def {p.name}(") and p.prompt.endswith('"""\n'), p.id
        assert all(f"{p.name}(" in test.input for test in p.examples), p.id
        assert all(t.startswith(f"assert {p.name}(") for t in p.hidden), p.id
        assert len(set(p.hidden)) == len(p.hidden), p.id
        shown = {test.input for test in p.examples}
        assert not [t for t in p.hidden if any(t.startswith(f"assert {i} ") for i in shown)], p.id
        assert not any(t in p.prompt for t in p.hidden), p.id


def test_every_reference_passes_its_examples_and_hidden_tests(sandbox):
    answers = [(p, p.solution, tests) for p in PROBLEMS for tests in (p.asserts, p.hidden)]
    for (problem, _, tests), result in zip(answers, judge(answers, sandbox), strict=True):
        assert result.ok, (problem.id, tests, result)


def test_references_return_what_the_examples_show_as_text(sandbox):
    """As strategies compare: an example whose value has two spellings would never pass."""
    jobs = [(p.program(p.solution), test.input) for p in PROBLEMS for test in p.examples]
    tests = [test for p in PROBLEMS for test in p.examples]
    for test, run in zip(tests, SandboxRunner(sandbox).run(jobs), strict=True):
        assert test.passed(run), (test, run)


def test_hidden_tests_reject_mutants(sandbox):
    """At least one of each kind that a reference has; overall all but those that change nothing."""
    made = [(p, *m) for p in PROBLEMS for m in mutants(p.program(p.solution))]
    results = judge([(p, program, p.hidden) for p, _, program in made], sandbox)
    rejected = collections.Counter(
        (p.id, kind) for (p, kind, _), r in zip(made, results, strict=True) if not r.ok
    )
    assert {p.id for p, _, _ in made} == {p.id for p in PROBLEMS}
    assert [(p.id, kind) for p, kind, _ in made if not rejected[p.id, kind]] == []
    assert rejected.total() >= 0.95 * len(made)


# ---- answers as programs


INC = FunctionProblem(
    id="inc",
    name="inc",
    question="Complete this function.",
    prompt='import math\n\ndef inc(n):\n    """Add one."""\n',
    solution="    return n + 1\n",
    examples=(PublicTest("inc(1)", "2"),),
    hidden=("assert inc(0) == 1", "assert inc(-1) == 0"),
)


@pytest.mark.parametrize(
    ("text", "program"),
    [
        ("    return n + 1\n", INC.prompt + "    return n + 1\n"),
        ("def inc(n):\n    return n + 1\n", "import math\n\ndef inc(n):\n    return n + 1\n"),
        ("So:\n```python\ndef inc(n): return 1\n```", "import math\n\ndef inc(n): return 1\n"),
        ("```\n    return 1\n```", INC.prompt + "    return 1\n"),
        ("def increase(n):\n    pass\n", INC.prompt + "def increase(n):\n    pass\n"),
        ("", INC.prompt),
    ],
)
def test_an_answer_is_a_body_or_the_whole_function(text, program):
    assert INC.program(text) == program


def test_examples_are_calls_with_values():
    prompt = HUMANEVAL[0]["prompt"]
    assert examples_of(prompt, "all_up") == (PublicTest("all_up([1, 2])", "[2, 3]"),)
    assert examples_of(prompt, "helper") == () == examples_of(prompt, "absent")
    badly = 'def f():\n    """Do.\n\n    >>>f()\n    1\n    """\n'
    assert examples_of(badly, "f") == ()
    spelled = 'def f():\n    """Do.\n\n    >>> f()\n    ["a",1.50]\n    """\n'
    assert examples_of(spelled, "f") == (PublicTest("f()", "['a', 1.5]"),)


def test_a_program_does_not_decide_that_it_passed(sandbox):
    liar = (
        "class Yes:\n    def __eq__(self, other): return True\n    __ne__ = lambda *_: False\n"
        "def inc(n):\n    return Yes()\n"
    )
    wrong = [
        liar,
        "    import os; os._exit(0)\n",
        "    raise SystemExit(0)\n",
        "    while 1: pass\n",
    ]
    texts = [INC.solution, *wrong, "    return n +\n", ""]
    results = judge([(INC, text, INC.hidden) for text in texts], sandbox)
    assert [r.ok for r in results] == [True] + [False] * 6


# ---- the task


def test_items_are_the_same_in_every_run():
    items = TASK.items()
    assert all(isinstance(i, Item) for i in items) and len(items) == 60
    assert [i.id for i in items[:6]] == [
        "functions-1-sum_of_evens",
        "functions-2-longest_run",
        "functions-3-spiral",
        "functions-4-steps_out",
        "functions-5-best_load",
        "functions-1-last_index_of",
    ]
    assert TASK.items(7) == items[:7] and TASK.items(0) == []
    assert load_task("functions") == TASK and TASK.name == "functions"
    with pytest.raises(ValueError, match="limit is -1"):
        TASK.items(-1)


def test_prompts_show_the_examples_and_nothing_hidden():
    for task in (TASK, load_task("functions:chat")):
        for item in task.items():
            shown = item.prompt if isinstance(item.prompt, str) else item.prompt[0]["content"]
            assert item.problem.prompt in shown and item.problem.hidden[0] not in shown
            assert item.problem.solution not in shown
            assert "hidden" not in repr(item)
    with pytest.raises(ValueError, match="style 'prose'"):
        FunctionsTask(style="prose")  # type: ignore[arg-type]


def test_scores_by_level():
    item = next(i for i in TASK.items() if i.problem.name == "last_index_of")
    right = item.problem.solution
    assert TASK.score(item, right) == {"passes": 1.0, "passes_level_1": 1.0, "examples": 1.0}
    only_examples = "    return {4: 2, 9: -1}[wanted]\n"
    assert TASK.score(item, only_examples) == {
        "passes": 0.0,
        "passes_level_1": 0.0,
        "examples": 1.0,
    }
    fenced = f"Here:\n```python\n{item.problem.prompt}{right}```\nDone."
    assert TASK.score(item, fenced)["passes"] == 1.0
    assert TASK.population_scores(item, [right], [1.0]) == {}
    with pytest.raises(ValueError, match="weights"):
        TASK.population_scores(item, [right], [])


def test_potentials_of_a_completion():
    (item,) = TASK.items(1)
    (syntax,), (tests,) = TASK.cheap(item), TASK.expensive(item)
    assert isinstance(syntax, PythonSyntax) and isinstance(tests, PythonTests)
    assert TASK.cheap(item)[0] is syntax and TASK.expensive(item)[0] is tests
    assert log_prefix(syntax, "    return sum(") == 0.0
    assert log_prefix(syntax, "    return )") == -math.inf
    assert tests.complete(item.problem.solution) == 0.0
    half = tests.complete("    return 6\n")
    assert half == pytest.approx(math.log((1 + 0.1) / (2 + 0.1)))
    assert tests.prefix("    return 6\n") == 0.0, "the function may go on"
    assert tests.prefix("    return 6\nx = 1\n") == pytest.approx(half)


def test_potentials_of_a_chat_message():
    task = load_task("functions:chat")
    (item,) = task.items(1)
    (tests,) = task.expensive(item)
    assert task.cheap(item) == [] and task.stop == ()
    fenced = f"Sure:\n```python\n{item.problem.prompt}{item.problem.solution}```\nEasy."
    assert log_prefix(tests, fenced) == 0.0
    right, none = tests.batch_complete([fenced, "I cannot."])
    assert right == 0.0 and none == pytest.approx(math.log(0.1 / 2.1))


def test_s_star_solves_a_problem_through_the_runner():
    """Drafts are completions: a wrong one is repaired, and the judge's input tells two apart."""
    item = next(i for i in TASK.items() if i.problem.name == "ends_alike")
    problem = item.problem
    careless = "    return text[0] == text[-1]\n"  # no capitals: one example fails
    crashes = "    return text[0].lower() == text[-1].lower()\n"  # fails on the empty text
    true_of_empty = '    return text == "" or text[0].lower() == text[-1].lower()\n'
    drafts = iter([careless, true_of_empty])

    def reply(prompt: str, uniform: float) -> str:
        if "Which program is right" in prompt:
            first = prompt.split("Program 1:\n")[1].split("Program 2:")[0]
            return "1" if 'text != ""' in first else "2"
        if "Write inputs" in prompt:
            return "ends_alike('')\nends_alike('ab')"
        if "Earlier programs" in prompt:
            assert "ends_alike(\"Anna\") gave 'False', expected 'True'" in prompt
            return f"Now right:\n```python\n{problem.prompt}{problem.solution}```"
        return next(drafts)

    result = s_star(
        ScriptedWriter(reply),
        item.prompt,
        runner(),
        problem.examples,
        num_solutions=2,
        code=problem.program,
    )
    assert result.answer == problem.prompt + problem.solution and result.chosen == 0
    assert [t.value for t in result.trajectories] == [1.0, 1.0]
    texts = [result.trajectories[0].text, true_of_empty, crashes]
    assert [TASK.score(item, t)["passes"] for t in texts] == [1.0, 0.0, 0.0]


# ---- files of others


def test_files_like_humaneval(tmp_path, sandbox):
    file = write(tmp_path / "humaneval" / "HumanEval.jsonl", HUMANEVAL)
    task = load_task("functions:humaneval")
    items = task.items(data=tmp_path)
    assert [i.id for i in items] == ["humaneval-0", "humaneval-1"]
    assert task.items(1, data=file) == items[:1] and task.name == "functions-humaneval"
    ups, two = (i.problem for i in items)
    assert ups.examples == (PublicTest("all_up([1, 2])", "[2, 3]"),) and two.examples == ()
    assert items[0].prompt == HUMANEVAL[0]["prompt"] and "\ndef " in task.stop
    whole = "def all_up(ns):\n    return list(map(helper, ns))\n"
    answers = [(ups, ups.solution), (ups, whole), (two, two.solution), (two, "    return 3\n")]
    results = judge([(p, text, p.hidden) for p, text in answers], sandbox)
    assert [r.ok for r in results] == [True, True, True, False]
    assert task.expensive(items[1]) == [] and set(task.score(items[1], "")) == {"passes"}
    chat = load_task("functions:humaneval_chat").items(data=file)[0]
    assert HUMANEVAL[0]["prompt"] in chat.prompt[0]["content"]


def test_files_like_mbpp(tmp_path, sandbox):
    file = write(tmp_path / "mbpp.jsonl", MBPP)
    task = load_task("functions:mbpp")
    items = task.items(data=tmp_path)
    assert [i.id for i in items] == ["mbpp-900", "mbpp-901"] and items == task.items(data=file)
    times, hello = (i.problem for i in items)
    assert times.name == "times" and times.examples == (PublicTest("times('ab', 2)", "'abab'"),)
    assert hello.name == "Hello" and hello.examples == () and "\ndef " not in task.stop
    assert items[0].prompt == f'"""\n{MBPP[0]["text"]}\n{MBPP[0]["test_list"][0]}\n"""\n'
    assert all(p.solution.count("\r") == 0 for p in (times, hello))
    answers = [(times, times.solution), (hello, hello.solution), (times, hello.solution)]
    results = judge([(p, text, p.hidden) for p, text in answers], sandbox)
    assert [r.ok for r in results] == [True, True, False]
    (tests,) = task.expensive(items[0])
    assert tests.complete(times.solution) == 0.0 > tests.complete("def times(a, b): return a\n")
    chat = load_task("functions:mbpp_chat").items(data=file)[0].prompt[0]["content"]
    assert MBPP[0]["text"] in chat and MBPP[0]["test_list"][0] in chat
    assert MBPP[0]["test_list"][1] not in chat


def changed(record, **fields):
    return {k: v for k, v in (record | fields).items() if v is not None}


@pytest.mark.parametrize(
    ("format_", "records", "says"),
    [
        ("humaneval", [], "holds no problems"),
        ("humaneval", ["{"], "line 1: Expecting"),
        ("humaneval", ["[1]"], "expected an object"),
        ("humaneval", [HUMANEVAL[1], "", MBPP[0]], "line 3: .*'prompt'"),
        ("humaneval", [changed(HUMANEVAL[1], test=None)], "'test'"),
        ("humaneval", [changed(HUMANEVAL[1], test="x = 1")], "function `check`"),
        ("humaneval", [changed(HUMANEVAL[1], entry_point="three")], "'three', which the prompt"),
        (
            "humaneval",
            [changed(HUMANEVAL[1], prompt="def two(:")],
            "prompt: got .*, expected Python",
        ),
        ("humaneval", [changed(HUMANEVAL[1], canonical_solution="  )")], "canonical_solution"),
        ("humaneval", [changed(HUMANEVAL[1], task_id=1.5)], "task_id"),
        ("mbpp", [HUMANEVAL[0]], "'text'"),
        ("mbpp", [changed(MBPP[0], test_list=[])], "at least one assert"),
        (
            "mbpp",
            [changed(MBPP[0], test_list="assert 1")],
            "test_list: got 'assert 1', expected a list",
        ),
        ("mbpp", [changed(MBPP[0], test_list=[7])], r"test_list\[0\]: got 7, expected a text"),
        (
            "mbpp",
            [changed(MBPP[0], test_list=["assert ("])],
            r"test_list\[0\]: got .*, expected Python",
        ),
        ("mbpp", [changed(MBPP[0], test_list=["assert f(1)"])], "calls no function of `code`"),
    ],
    ids=lambda value: value if isinstance(value, str) and value in FORMATS else "",
)
def test_wrong_files_are_told_by_line_and_field(format_, records, says, tmp_path):
    file = write(tmp_path / "x.jsonl", records)
    with pytest.raises(ValueError, match=says) as caught:
        load(format_, file)
    said = str(caught.value)
    assert str(file) in said and "xpected" in said and said.endswith("?"), said


def test_files_that_are_not_there(tmp_path):
    for data in (None, tmp_path):
        with pytest.raises(FileNotFoundError, match=r"mbpp/mbpp.jsonl under the root.*SMC_DATA"):
            load("mbpp", data)
    (tmp_path / "mbpp.jsonl").write_bytes(b"\x1f\x8b\xff")
    with pytest.raises(ValueError, match="is not text"):
        load("mbpp", tmp_path)
    with pytest.raises(ValueError, match="format 'apps'; expected one of humaneval, mbpp"):
        load("apps", tmp_path)  # type: ignore[arg-type]


def test_setup_runs_before_program_and_tests(sandbox):
    given = dataclasses.replace(INC, setup="ONE = 1", hidden=("assert inc(ONE) == 2",))
    (result,) = judge([(given, "    return n + ONE\n", given.hidden)], sandbox)
    assert result.ok
