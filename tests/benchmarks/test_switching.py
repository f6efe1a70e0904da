"""The study of thought switching: what it asks, counts and prices, and its published table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import journal, one_answer
from benchmarks.switching import __main__ as study
from domains.math_word.task import MathItem
from potentials.thinking import ThoughtSwitchPenalty
from tests.writers import ScriptedWriter

ITEMS = [MathItem(f"made-{n}", f"{n} + 2?", f"What is {n} + 2?", str(n + 2), None) for n in (1, 5)]


def test_one_arm_is_the_papers_price_and_the_first_has_none():
    paper = ThoughtSwitchPenalty()
    arm = study.ARMS["asked to switch, α = 3"]
    assert (arm.penalty, arm.duration) == (paper.penalty, paper.duration)
    assert study.ARMS["one thought"].penalty == study.ARMS[study.BASE].penalty == 0
    asked = {arm.system for name, arm in study.ARMS.items() if name != "one thought"}
    assert asked == {study.THOUGHTS} and study.switches(study.THOUGHTS) == 1


def test_answers_are_judged_and_switches_counted():
    def reply(prompt, uniform):
        assert prompt.startswith(study.THOUGHTS) and "What is" in prompt
        return "1 + 2 = 4. Alternatively, 1 + 2 = 3. #### 3"

    first, second = study.answered(ScriptedWriter(reply), study.BASE, ITEMS)
    assert (first["right"], first["switches"], second["right"]) == (1, 1, 0)
    assert first["tokens"] > 0 and second["item"] == "made-5"


def test_a_report_pairs_each_arm_with_switching_unpriced():
    def records(arm, rights, switches):
        return [
            {"item": str(i), "arm": arm, "right": r, "switches": s, "tokens": 50, "cut": 0}
            for i, (r, s) in enumerate(zip(rights, switches, strict=True))
        ]

    priced = "asked to switch, α = 3"
    page = study.report(
        records(study.BASE, [1, 0, 0, 0], [2, 0, 4, 2])
        + records(priced, [1, 1, 0, 0], [0, 0, 1, 0])
    )
    rows = {line.split(" | ")[0]: line for line in page.splitlines()}
    assert "4 word problems" in page
    assert " | – | 2.00 (" in rows[f"| {study.BASE}"] and "| 0.75 (" in rows[f"| {study.BASE}"]
    assert "| 0.500 (" in rows[f"| {priced}"] and "| +0.250 (" in rows[f"| {priced}"]
    assert "| 0.25 (" in rows[f"| {priced}"]


@pytest.mark.parametrize("then", [2, 3])
def test_the_command_resumes_and_prices_the_arms_that_say_so(then, tmp_path, monkeypatch, capsys):
    data = tmp_path / "gsm8k"
    data.mkdir()
    rows = [{"question": f"What is {n} + 2?", "answer": f"#### {n + 2}"} for n in (40, 39, 1)]
    (data / "test.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    prices: list[list[tuple[float, int]]] = []

    def make(model, potentials, **options):
        prices.append([(p.penalty, p.duration) for p in potentials])
        return ScriptedWriter(lambda prompt, uniform: "#### 42")

    monkeypatch.setattr(one_answer, "load", lambda name, **options: None)
    monkeypatch.setattr(study, "TokenWriter", make)
    command = ["--model", "m", "--out", str(tmp_path / "out"), "--data", str(tmp_path)]
    study.main([*command, "--items", "1"])
    assert prices == [[], [], [(3.0, 600)], [(10.0, 600)], [(10.0, 100)]]
    first = (tmp_path / "out" / "records.jsonl").read_text()
    study.main([*command, "--items", str(then), "--at-once", "1"])
    after = (tmp_path / "out" / "records.jsonl").read_text()
    assert after.startswith(first) and len(after.splitlines()) == then * len(study.ARMS)
    study.main([*command, "--items", str(then)])
    assert len(prices) == 2 * len(study.ARMS), "there was nothing left to write"
    assert (tmp_path / "out" / "report.md").read_text() in capsys.readouterr().out


def test_the_published_table_is_that_of_its_records():
    results = Path(study.__file__).parents[1] / "results"
    records = journal.read(results / "switching" / "qwen-0.5b.jsonl")
    assert len({(r["item"], r["arm"]) for r in records}) == len(records) == 50 * len(study.ARMS)
    assert study.report(records).strip() in (results / "switching.md").read_text("utf-8")
