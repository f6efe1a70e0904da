"""Arguments of the studies that cannot be: which, what was given, and what is expected."""

from __future__ import annotations

import importlib
import inspect
import sys

import pytest

NEEDED = {
    "word_problems": ["--model", "m", "--out", "o"],
    "programs": ["--model", "m", "--out", "o"],
    "refining": ["run", "arithmetic", "--out", "o"],
    "inference_time": ["--out", "o"],
    "feedback": ["--out", "o"],
    "revising": ["--out", "o"],
    "backtracking": ["run", "--out", "o"],
    "depth": ["--out", "o"],
    "sharper": ["contrast", "--model", "m"],
    "strategies": ["--out", "o"],
    "micro": ["step"],
}
TIMED = ("programs", "word_problems", "refining", "inference_time", "strategies")
WRONG = [
    *((s, "--items", "0", "whole number from 1") for s in NEEDED if s not in ("depth", "micro")),
    *((study, "--minutes", "0", "a number above 0") for study in TIMED),
    ("depth", "--problems", "-3", "whole number from 1"),
    ("word_problems", "--budgets", "1,x", "whole numbers, 1,2,4"),
    ("word_problems", "--budgets", "2,2", "distinct"),
    ("strategies", "--budgets", "0,1", "whole number from 1"),
    ("feedback", "--levels", "four", "whole numbers, 1,2,4"),
    ("feedback", "--arms", "fttt,magic", "'magic': expected some of"),
    ("refining", "--judges", "nobody", "'nobody': expected some of"),
    ("micro", "--sizes", "10,", "whole numbers, 1,2,4"),
]


@pytest.mark.parametrize(("study", "argument", "value", "said"), WRONG)
def test_an_argument_that_cannot_be_is_explained(
    study, argument, value, said, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    command = [*NEEDED[study], f"{argument}={value}"]
    monkeypatch.setattr(sys, "argv", ["study", *command])
    main = importlib.import_module(f"benchmarks.{study}.__main__").main
    with pytest.raises(SystemExit) as ended:
        main(*([command] if inspect.signature(main).parameters else []))
    error = capsys.readouterr().err
    assert ended.value.code == 2
    assert argument in error and said in error and "invalid" not in error
    assert not list(tmp_path.iterdir()), "nothing is written"
