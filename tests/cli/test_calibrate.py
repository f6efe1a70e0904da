"""`smc calibrate`: problems from a file, the choice printed and stored."""

import json

import pytest

from domains.arithmetic.task import PRM
from smc.strategies import ComputeOptimal

PROBLEMS = [("a=7+5;b=a*3;b?\n", "36"), ("a=2+5;b=a*3;b?\n", "21"), ("a=9-5;b=a+3;b?\n", "7")]


@pytest.fixture
def problems(tmp_path):
    file = tmp_path / "problems.jsonl"
    lines = [json.dumps({"question": q, "answer": a}) for q, a in PROBLEMS]
    file.write_text("\n".join(lines) + "\n\n")
    return file


def command(problems, *argv):
    return ("calibrate", problems, "--model", "domains/arithmetic/model", "--device", "cpu",
            "--mark", "\\n", "--max-tokens", 60, "--samples", 2, "--bins", 2, "--budgets", "1,2",
            "--strategies", "majority_vote,beam", "--reward", PRM, "--reward-format",
            "math-shepherd", *argv)  # fmt: skip


def test_the_choice_is_printed_and_stored(run, problems, tmp_path):
    out = tmp_path / "choice.json"
    status, said, err = run(*command(problems, "--out", out))
    assert status == 0, err
    choice = ComputeOptimal.load(out)
    assert choice.choices and "unseen" in said and str(out) in said
    assert "calibrate: 3 of 3 problems" in err and "s left" in err
    for best in choice.choices.values():
        assert best.plan.strategy in said


def test_depths_are_plans_of_their_own(run, problems, tmp_path):
    """A plan whose tokens cost more than a sample is not within a budget of one."""
    out = tmp_path / "choice.json"
    asked = ("--model", "embedded:arithmetic-recurrent", "--depths", "4,64", "--budgets", 1)
    status, said, err = run(*command(problems, "--out", out, *asked))
    assert status == 0, err
    plans = [best.plan for best in ComputeOptimal.load(out).choices.values()]
    assert plans and all(dict(plan.settings)["depth"] == 4 for plan in plans)
    assert "depth=4" in said


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--budgets", "1,0"], "whole numbers above 0"),
        (["--depths", "0"], "--depths 0: expected whole numbers above 0"),
        (["--strategies", "beam,guess"], "no strategy 'guess'"),
        (["--strategies", "revisions"], "writes whole texts"),
        (["--limit", "1"], "two problems or more"),
    ],
    ids=["budgets", "depths", "strategy", "writing", "limit"],
)
def test_bad_input_is_explained(run, problems, tmp_path, argv, message):
    status, _, err = run(*command(problems, "--out", tmp_path / "c.json", *argv))
    assert status == 2 and message in err


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "line 1: no JSON"), ('{"question": "q"}', "expected an object with")],
    ids=["json", "field"],
)
def test_a_file_of_something_else_is_explained(run, tmp_path, text, message):
    file = tmp_path / "bad.jsonl"
    file.write_text(text)
    status, _, err = run(*command(file, "--out", tmp_path / "c.json"))
    assert status == 2 and message in err
