"""`benchmarks run TASK --reward NAME`: the reward reaches the task, and is stated in the run."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

import benchmarks.run
from benchmarks import progress
from benchmarks.__main__ import main
from benchmarks.progress import RunProgress
from benchmarks.rewards import RewardOptions
from benchmarks.store import Store
from benchmarks.tasks import domain_names, load_task, task_names
from domains.arithmetic.task import PRM
from domains.math_word.task import MathWordTask
from potentials.reward_model import FunctionReward, RewardModel
from smc.errors import SettingsError

PROBLEMS = [
    {"question": "What is 2 + 3?", "answer": "2 + 3 = 5\n#### 5"},
    {"question": "What is 4 * 2?", "answer": "4 * 2 = 8\n#### 8"},
]


def short_steps() -> FunctionReward:
    """A judge that can be named."""
    return FunctionReward(lambda prompt, steps: [1 / (1 + len(s)) for s in steps])


@pytest.fixture
def plain(tmp_path, monkeypatch):
    """Word problems as plain text, for the model of bytes, and a file of them."""
    task = MathWordTask(dataset="gsm8k", style="plain")
    monkeypatch.setattr(benchmarks.run, "load_task", lambda name: task)
    file = tmp_path / "problems.jsonl"
    file.write_text("".join(json.dumps(p) + "\n" for p in PROBLEMS))
    return file


def run(data: Path, out: Path, *arguments: str) -> int:
    return main([
        "run", "math_word", "--data", str(data), "--out", str(out), "--methods", "smc",
        "--model", "domains/arithmetic/model", "--particles", "3", "--max-tokens", "12", *arguments,
    ])  # fmt: skip


def test_a_bundled_model_is_no_function():
    task = RewardOptions("embedded:arithmetic-judge").given_to(MathWordTask(dataset="gsm8k"))
    assert isinstance(task.reward, RewardModel)


def test_word_problems_are_judged_by_a_reward_model(plain, tmp_path):
    out = tmp_path / "out"
    reward = ("--reward", str(PRM), "--reward-format", "math-shepherd")
    assert run(plain, out, *reward) == 0
    records = list(Store(out).records())
    assert len(records) == 2
    assert all(sum(c["calls"] for c in r["costs"].values()) > 0 for r in records)
    (settings,) = (json.loads((out / "run.json").read_text())["settings"],)
    assert settings["reward"] == "domains/arithmetic/prm" and settings["reward_digest"]
    # Results of another reward, or none, are not mixed in.
    assert run(plain, out) == 2


def test_a_function_may_make_the_reward(plain, tmp_path):
    out = tmp_path / "out"
    assert run(plain, out, "--reward", "tests.benchmarks.test_rewards:short_steps") == 0
    plainly = tmp_path / "plainly"
    assert run(plain, plainly) == 0
    assert [r["costs"] for r in Store(plainly).records()] == [{}, {}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--reward", "x/math-shepherd"], "takes no reward model"),
        (["--reward-format", "qwen"], "without --reward"),
    ],
    ids=["task", "format"],
)
def test_a_task_without_a_place_for_one_says_so(tmp_path, capsys, arguments, message):
    assert main(["run", "gdb17", "--out", str(tmp_path / "out"), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_workers_elsewhere_load_it_from_the_folder_in_full():
    options = RewardOptions("domains/arithmetic/prm", "math-shepherd", "cpu").resolved()
    assert Path(options.name).is_absolute()
    task = options.given_to(load_task("math_word"))
    assert isinstance(task, MathWordTask) and isinstance(task.reward, RewardModel)
    assert RewardOptions("a/name").resolved() == RewardOptions("a/name")


# ---- what is told on the way


def test_progress_without_a_terminal_is_a_line_a_minute(monkeypatch):
    shown, now = io.StringIO(), [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with RunProgress(Console(file=shown), "toy", 100, 20) as told:
        for seconds in (30, 40, 10, 60):
            now[0] += seconds
            told.advance(10, "toy smc seed 0")
    lines = shown.getvalue().splitlines()
    assert lines == [
        "toy smc seed 0: 40 of 100, 0:01:10 gone, about 0:03:30 left",
        "toy smc seed 0: 60 of 100, 0:02:20 gone, about 0:02:20 left",
    ]


def test_names_of_tasks_are_listed_and_training_is_none(capsys):
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    said = "".join(capsys.readouterr().out.split())
    assert all(name in said for name in task_names())
    assert "training" not in domain_names()
    with pytest.raises(SettingsError) as error:
        load_task("training")
    assert "math_word" in str(error.value) and ", training" not in str(error.value)


def test_word_problems_without_data_say_what_is_missing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(benchmarks.run, "find_data", lambda given: None)
    assert main(["run", "math_word", "--model", "m", "--out", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "None" not in said and "math/math500.jsonl" in said and "SMC_DATA" in said
