"""The study of S* on programming problems: what is counted, and what it costs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import journal
from benchmarks.programs import __main__ as study
from benchmarks.programs.trial import hidden_tests, trial
from domains.functions.judging import runner
from domains.functions.task import FunctionsTask
from tests.writers import ScriptedWriter

ITEM = FunctionsTask(style="chat").items(1)[0]
RIGHT = f"```python\n{ITEM.problem.prompt}{ITEM.problem.solution}\n```"
WRONG = f"```python\n{ITEM.problem.prompt}    return None\n```"
ALMOST = (
    f"```python\ndef {ITEM.problem.name}(*given):\n    known = {{"
    + ", ".join(
        f"repr({t.input[len(ITEM.problem.name) :].rstrip(')') + ',)'}): {t.output}"
        for t in ITEM.problem.examples
    )
    + "}\n    return known.get(repr(given))\n```"
)
"""Knows the public tests by heart."""


def run(reply, **changed):
    settings = {"solutions": 4, "repairs": 1, "seed": 0, "temperature": 0.7} | changed
    return trial(ITEM, ScriptedWriter(reply), runner(), **settings)


def test_hidden_tests_tell_right_programs_from_those_that_know_the_public_ones():
    assert hidden_tests(ITEM.problem, [RIGHT, WRONG, ALMOST, RIGHT]) == [True, False, False, True]


def test_what_is_always_right_is_right_in_every_row():
    record = run(lambda prompt, uniform: RIGHT)
    assert all(record[key] == 1 for key in study.ROWS)
    assert record["samples"] >= 3 and record["sample_tokens"] >= record["star_tokens"]


def test_repairs_cover_what_samples_do_not():
    record = run(lambda prompt, uniform: RIGHT if "Earlier programs" in prompt else WRONG)
    assert record["star"] and record["coverage_star"]
    assert not record["coverage_samples"] and record["pass_rate"] == 0
    none = run(lambda prompt, uniform: WRONG, repairs=0)
    assert not any(none[key] for key in study.ROWS)


def test_votes_go_by_outputs_on_inputs_that_the_model_writes():
    """Two of three programs that pass the public tests are right where the inputs tell."""
    call = ITEM.problem.examples[0].input

    def reply(prompt: str, uniform: float) -> str:
        if "one a line" in prompt:
            return call
        return RIGHT if uniform < 0.5 else WRONG

    record = run(reply)
    assert record["votes"] and record["best_of_n"] and 0 < record["pass_rate"] < 1


def test_the_report_counts_what_the_records_say(tmp_path, capsys):
    record = run(lambda prompt, uniform: RIGHT)
    other = record | {"item": "other", "star": False, "votes": False, "star_tokens": 10}
    page = study.report([record, other])
    assert "| S* | 0.500 (0.095, 0.905) | – |" in page
    assert "| votes by outputs among these | 0.500 (0.095, 0.905) | +0" not in page
    assert "2 problems" in page and page.count("\n| ") == 2 + len(study.ROWS)
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "records.jsonl").write_text(json.dumps(record | {"item": ITEM.id}) + "\n")
    study.main(["--model", "none", "--out", str(folder), "--items", "1"])  # nothing is left to run
    assert "1 problems" in capsys.readouterr().out and (folder / "report.md").exists()
    with pytest.raises(SystemExit):
        study.main(["--out", str(folder)])


def test_the_command_writes_in_batches_and_goes_on_where_it_stopped(tmp_path, monkeypatch):
    items = FunctionsTask(style="chat").items(3)
    solutions = {i.id: f"```python\n{i.problem.prompt}{i.problem.solution}\n```" for i in items}

    def reply(prompt: str, uniform: float) -> str:
        asked = [i.id for i in items if f"def {i.problem.name}(" in prompt]
        return solutions[asked[0]] if asked else ITEM.problem.examples[0].input

    writer = ScriptedWriter(reply)
    monkeypatch.setattr(study, "load", lambda *a, **k: None)
    monkeypatch.setattr(study, "TokenWriter", lambda model, max_tokens: writer)
    command = ["--model", "none", "--out", str(tmp_path), "--solutions", "2", "--at-once", "2"]
    study.main([*command, "--items", "2"])
    assert writer.sizes[0] == 4  # two drafts of two problems in the first batch
    first = (tmp_path / "records.jsonl").read_text()
    study.main([*command, "--items", "3"])
    after = (tmp_path / "records.jsonl").read_text()
    assert after.startswith(first) and len(after.splitlines()) == 3
    records = [json.loads(line) for line in after.splitlines()]
    assert sorted(r["item"] for r in records) == sorted(i.id for i in items)
    assert all(r["star"] for r in records)


def test_the_published_table_is_that_of_its_records():
    results = Path(study.__file__).parents[1] / "results"
    records = journal.read(results / "programs" / "qwen-0.5b.jsonl")
    assert len({r["item"] for r in records}) == len(records) == 60
    assert study.report(records).strip() in (results / "s-star.md").read_text("utf-8")
