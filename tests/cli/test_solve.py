"""`smc solve`: the same as in Python, from the command line."""

import io
import json
import re

import pytest

import smc
from domains.arithmetic.task import PRM
from smc.cli.progress import ProgressLine
from smc.steps import Budget
from smc.strategies.progress import Progress

QUESTION = "a=7+5;b=a*3;b?\n"
ARITHMETIC = ("solve", "--model", "domains/arithmetic/model", "--device", "cpu", "--mark", "\\n",
              "--max-tokens", 60, "--seed", 3)  # fmt: skip
REWARD = ("--reward", PRM, "--reward-format", "math-shepherd")


def test_it_is_that_of_python(run, tmp_path):
    page = tmp_path / "page.html"
    status, out, err = run(*ARITHMETIC, *REWARD, "--strategy", "beam", "--budget", 4, "--option",
                           "width=2", "--json", "--html", page, QUESTION)  # fmt: skip
    assert status == 0, err
    record = json.loads(out)
    own = smc.solve(
        smc.load("domains/arithmetic/model", device="cpu"), QUESTION,
        reward=smc.load_reward(str(PRM), "math-shepherd", device="cpu"), strategy="beam", budget=4,
        mark="\n", max_tokens=60, seed=3, settings={"width": 2},
    )  # fmt: skip
    assert record["answer"] == own.answer == "36" and record["strategy"] == "beam"
    assert {n: record[n] for n in json.loads(own.to_json())} == json.loads(own.to_json())
    assert "<h2>Steps</h2>" in page.read_text() and "page:" in err


def test_votes_stop_when_they_are_decided(run):
    status, out, err = run(*ARITHMETIC, "--budget", 40, QUESTION)
    assert status == 0 and not err
    assert "answer: 36" in out and re.search(r"majority_vote: \d+ of (4|8|12) solutions", out)
    assert re.search(r"cost: \d+ tokens written in \d+ passes; \d", out) and "judge" not in out


def test_a_judge_is_told_of_in_the_cost(run):
    status, out, _ = run(*ARITHMETIC, "--budget", 4, "--judge", "likelihood", "--quiet", QUESTION)
    assert status == 0 and re.search(r"best_of_n: \d of 4", out)
    assert re.search(r"\d+ read or written by the judge in \d+ passes", out)


def test_no_answer_is_an_exit_status_of_its_own(run):
    status, out, _ = run(*ARITHMETIC, "--answer", "re:never", "--budget", 2, QUESTION)
    assert status == 3 and "answer: none" in out and "try --answer text" in out
    status, out, _ = run(*ARITHMETIC[:-4], "--max-tokens", 3, "--budget", 2, QUESTION)
    assert status == 3 and "2 solutions were cut at 3 tokens" in out


def test_options_of_a_strategy_are_listed(run):
    status, out, _ = run("solve", "--model", "m", "--strategy", "mcts", "--judge", "prompted",
                         "--option", "help", "q")  # fmt: skip
    assert status == 0 and "--option rollout=none|sample|greedy (default none)" in out


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--strategy", "guess"], "no strategy 'guess'"),
        (["--strategy", "beam"], "or 'self'. From a shell: --reward NAME, or --judge likelihood"),
        (["--strategy", "beam", "--judge", "prompted", "--option", "widht=2"], "Is it width?"),
        (["--option", "width"], "NAME=VALUE"),
        (["--option", "batch=2", "--option", "batch=3"], "twice"),
        (["--answer", "maths"], "math, last_number, text"),
        (["--reward-format", "qwen"], "--reward-format"),
        (["--endpoint", "http://localhost:1/v1", "--top-p", "0.5"], "--top-p"),
        (["--html", "/proc/no/page.html"], "cannot be written"),
    ],
    ids=[
        "strategy",
        "reward",
        "option",
        "no value",
        "twice",
        "answer",
        "format",
        "endpoint",
        "page",
    ],
)
def test_bad_input_is_explained_before_the_model_is_loaded(run, argv, message):
    status, out, err = run("solve", "--model", "no/such/model", *argv, "q")
    assert status == 2 and message in err and not out and err.count("\n") == 1


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_line_that_changes_on_a_terminal():
    shown = Terminal()
    line = ProgressLine(shown)
    line(Progress(4, 1, 3, Budget(70, 30, 5, 9)))
    line.done()
    assert "1 of 4 solutions finished, 3 steps; 70 tokens written, 5 judged" in shown.getvalue()
    assert shown.getvalue().endswith("\r\x1b[K") and "\n" not in shown.getvalue()


def test_elsewhere_it_is_a_line_now_and_then(monkeypatch):
    shown, now = io.StringIO(), [100.0]
    monkeypatch.setattr("smc.cli.progress.time.monotonic", lambda: now[0])
    line = ProgressLine(shown)
    for seconds in (1, 29, 2, 20, 20):
        now[0] += seconds
        line(Progress(4, 1, 3, Budget(70, 30)))
    line.done()
    assert shown.getvalue().count("\n") == 2 and "\r" not in shown.getvalue()
