"""The study of word problems: what each strategy answers and pays, on a scripted model."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from benchmarks import journal
from benchmarks.word_problems import __main__ as study
from benchmarks.word_problems.trial import trial
from domains.math_word.task import MathItem
from smc.intervals import bootstrap
from smc.steps import Extension
from tests.step_worlds import Judge, Script

ITEM = MathItem("made-1", "What is 40 + 2?", "What is 40 + 2?", "42", None)


@dataclass
class Remembering(Judge):
    """A judge that can be told to forget, and counts how often."""

    cleared: list[int] = field(default_factory=list)

    def clear(self) -> None:
        self.cleared.append(self.tokens)


def writer(right_below: float) -> Script:
    """Writes one step, then an answer that is right where its uniform is small."""

    def reply(solution, uniform):
        if not solution:
            return Extension("40 and 2.\n\n", False, 4)
        return Extension(f"\\boxed{{{'42.0' if uniform < right_below else 41}}}", True, 6)

    return Script(reply)


def run(right_below: float, value, budgets=(1, 2, 8)):
    judge = Remembering(value)
    record = trial(ITEM, writer(right_below), judge, budgets=budgets, seed=0, temperature=0.7)
    return record, {(r["strategy"], r["num_solutions"]): r for r in record["runs"]}, judge


def likes_right(text: str) -> float:
    return 0.9 if "42" in text else 0.2


def test_a_judge_that_knows_finds_what_votes_do_not():
    record, runs, _ = run(0.2, likes_right)
    assert 0 < record["pass_rate"] < 0.5
    assert record["told_apart"] == 1.0 and record["answered"] == 1.0
    assert runs["votes", 8]["correct"] == 0
    assert runs["best_of_n", 8]["correct"] == runs["particles", 8]["correct"] == 1


def test_a_judge_that_is_wrong_misleads_and_is_told_to_be_worse_than_chance():
    record, runs, _ = run(0.7, lambda text: 1.1 - likes_right(text))
    assert record["told_apart"] == 0.0
    assert (runs["votes", 8]["correct"], runs["best_of_n", 8]["correct"]) == (1, 0)


def test_a_solution_that_is_cut_answers_nothing_whoever_counts():
    """Its last number is what the problem asks for, but it would have gone on."""

    def reply(solution, uniform):
        if solution:
            ends = uniform < 0.5
            return Extension("\\boxed{42}" if ends else "It is 42", ends, 6, truncated=not ends)
        return Extension("40 and 2.\n\n", False, 4)

    judge = Remembering(lambda text: 0.9 if text.endswith("42") else 0.2)
    record = trial(ITEM, Script(reply), judge, budgets=(1, 8), seed=0, temperature=0.7)
    votes = {r["num_solutions"]: r["correct"] for r in record["runs"] if r["strategy"] == "votes"}
    assert 0 < record["pass_rate"] == record["answered"] < 1 and votes[8] == 1
    alone = trial(ITEM, Script(reply), judge, budgets=(1,), seed=0, temperature=0.7)
    assert alone["pass_rate"] == votes[1]
    assert record["told_apart"] is None  # no wrong one has ended


def test_what_is_equal_in_mathematics_votes_together():
    record, runs, _ = run(2.0, likes_right)
    assert record["pass_rate"] == 1.0 and record["told_apart"] is None
    assert all(r["correct"] for r in runs.values())
    page = study.report([record])
    assert "No problem has both a right and a wrong sample." in page and "nan" not in page


def test_every_strategy_pays_for_what_its_judge_reads():
    _, runs, judge = run(0.2, likes_right)
    step, answer = len("40 and 2.\n\n"), len("\\boxed{41}")
    assert [runs["votes", n]["tokens"] for n in (1, 2, 8)] == [10, 20, 80]
    assert all(runs["votes", n]["judge_tokens"] == 0 for n in (1, 2, 8))
    paid = runs["best_of_n", 8]["judge_tokens"]
    assert 8 * (step + answer) <= paid <= 8 * (step + answer + 2)
    # Particles: each distinct solution after each of two steps.
    assert runs["particles", 8]["tokens"] == 80 and runs["particles", 8]["judge_tokens"] > 0
    assert len(judge.cleared) == 8 + 2


def test_the_command_resumes_and_its_page_has_the_figures(tmp_path, monkeypatch, capsys):
    data = tmp_path / "gsm8k"
    data.mkdir()
    rows = [{"question": f"What is {n} + 2?", "answer": f"#### {n + 2}"} for n in (40, 39, 1)]
    (data / "test.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    monkeypatch.setattr(study, "load", lambda *a, **k: None)
    monkeypatch.setattr(study, "TokenSteps", lambda *a, **k: writer(0.5))
    monkeypatch.setattr(study, "LikelihoodJudge", lambda model: Remembering(likes_right))
    monkeypatch.setattr(study.provenance, "model_digest", lambda name: "0")
    command = ["--model", "made", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    study.main([*command, "--items", "2", "--budgets", "2,1"])
    first = (tmp_path / "out" / "records.jsonl").read_text()
    study.main([*command, "--items", "3", "--budgets", "2,1"])
    after = (tmp_path / "out" / "records.jsonl").read_text()
    assert after.startswith(first) and len(after.splitlines()) == 3
    page = (tmp_path / "out" / "report.md").read_text()
    assert page in capsys.readouterr().out
    records = [json.loads(line) for line in after.splitlines()]
    solved = sum(r["runs"][0]["correct"] for r in records) / 3
    assert f"| 1 | votes | {solved:.3f} (" in page
    assert "| 2 | particles |" in page and "| 1 | particles |" not in page
    with pytest.raises(SystemExit):
        study.main([*command, "--dataset", "none"])


@pytest.mark.parametrize("model", ["qwen-0.5b", "qwen-1.5b"])
def test_the_published_tables_are_those_of_their_records(model):
    results = Path(study.__file__).parents[1] / "results"
    records = journal.read(results / "word-problems" / f"{model}.jsonl")
    assert len({r["item"] for r in records}) == len(records) == 100
    (_, _, table) = study.report(records).strip().split("\n", 2)
    assert table in (results / "word-problems.md").read_text("utf-8")


def test_the_published_differences_are_those_of_the_records():
    """Votes of eight of the small model, less one sample of the larger."""
    results = Path(study.__file__).parents[1] / "results"
    small, large = (
        {r["item"]: r["runs"] for r in journal.read(results / "word-problems" / f"{name}.jsonl")}
        for name in ("qwen-0.5b", "qwen-1.5b")
    )
    voted = {
        item: next(
            r["correct"] for r in runs if (r["strategy"], r["num_solutions"]) == ("votes", 8)
        )
        for item, runs in small.items()
    }
    assert voted.keys() == large.keys()
    page = " ".join((results / "word-problems.md").read_text("utf-8").split())
    for limit, said in ((1000, "0.16 (0.05 to 0.27)"), (400, "0.10 (0.00 to 0.21)")):
        less = [
            v - (large[i][0]["correct"] * (large[i][0]["tokens"] < limit)) for i, v in voted.items()
        ]
        found = bootstrap(less)
        assert f"{0 - found.mean:.2f} ({0 - found.high:.2f} to {0 - found.low:.2f})" == said
        assert f"by {said}" in page
