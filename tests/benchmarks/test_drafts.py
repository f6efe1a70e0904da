"""The study of drafts: how it asks, how it reads and counts, and its published table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import journal, one_answer
from benchmarks.drafts import __main__ as study
from benchmarks.drafts.prompts import EXAMPLES, SYSTEMS, answer_of, ask
from domains.math_word.task import MathItem
from potentials.mathematics import equal
from smc.strategies.chain_of_draft import INSTRUCTION
from tests.writers import ScriptedWriter

ITEMS = [MathItem(f"made-{n}", f"{n} + 2?", f"What is {n} + 2?", str(n + 2), None) for n in (1, 5)]


@pytest.mark.parametrize("way", SYSTEMS)
def test_examples_are_right_and_end_in_their_answer(way):
    for example in EXAMPLES:
        said = example.said(way)
        assert equal(example.answer, answer_of(said))
        steps = said.rpartition("####")[0]
        for equation in (s for s in steps.replace(".", ";").split(";") if way == "chain of draft"):
            left, _, right = equation.partition("=")
            assert not left.strip() or eval(left) == float(right)
    lengths = [len(e.said(way)) for e in EXAMPLES]
    thoughts = [len(e.said("chain of thought")) for e in EXAMPLES]
    assert way == "chain of thought" or all(
        a < b / 2 for a, b in zip(lengths, thoughts, strict=True)
    )


def test_ways_differ_in_the_system_message_and_in_the_examples():
    asked = {way: ask(way, "What is 1 + 2?", 2) for way in SYSTEMS}
    assert all(len(messages) == 1 + 2 * 2 + 1 for messages in asked.values())
    assert [m[-1] for m in asked.values()] == [{"role": "user", "content": "What is 1 + 2?"}] * 3
    assert asked["chain of draft"][0]["content"] == INSTRUCTION
    assert asked["direct"][2]["content"] == f"#### {EXAMPLES[0].answer}"
    assert len({str(m) for m in asked.values()}) == 3


def test_answers_are_judged_and_tokens_counted():
    def reply(prompt, uniform):
        assert "What is" in str(prompt)
        return "1 + 2 = 3 #### 3.0"

    first, second = study.answered(ScriptedWriter(reply), ("chain of draft", 0), ITEMS)
    assert (first["right"], first["answered"], first["way"], first["shown"]) == (
        1, 1, "chain of draft", 0,
    )  # fmt: skip
    assert second["right"] == 0 and second["item"] == "made-5" and second["tokens"] > 0


def test_a_report_pairs_each_way_with_a_chain_of_thought():
    def records(way, rights, tokens):
        return [
            {"item": str(i), "way": way, "shown": 3, "right": r, "tokens": t, "cut": 0}
            for i, (r, t) in enumerate(zip(rights, tokens, strict=True))
        ]

    page = study.report(
        records("chain of thought", [1, 1, 0, 1], [100, 100, 100, 100])
        + records("chain of draft", [1, 0, 0, 1], [20, 20, 20, 40])
    )
    assert "4 word problems" in page
    row = next(line for line in page.splitlines() if "| chain of draft |" in line)
    assert row.startswith("| 3 | chain of draft | 0.500 (") and "| -0.250 (" in row
    assert row.endswith("| 25 | 25% | 0 |")


def test_the_command_resumes(tmp_path, monkeypatch, capsys):
    data = tmp_path / "gsm8k"
    data.mkdir()
    rows = [{"question": f"What is {n} + 2?", "answer": f"#### {n + 2}"} for n in (40, 39, 1)]
    (data / "test.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    writers: list[ScriptedWriter] = []

    def make(model, **options):
        writers.append(ScriptedWriter(lambda prompt, uniform: "#### 42"))
        return writers[-1]

    monkeypatch.setattr(one_answer, "load", lambda name, **options: None)
    monkeypatch.setattr(study, "TokenWriter", make)
    command = ["--model", "m", "--out", str(tmp_path / "out"), "--data", str(tmp_path)]
    study.main([*command, "--items", "1", "--at-once", "2"])
    first = (tmp_path / "out" / "records.jsonl").read_text()
    study.main([*command, "--items", "3", "--at-once", "2"])
    after = (tmp_path / "out" / "records.jsonl").read_text()
    assert after.startswith(first) and len(after.splitlines()) == 3 * len(study.ARMS)
    assert [sum(w.sizes) for w in writers] == [1] * 6 + [2] * 6
    study.main([*command, "--items", "3"])
    assert len(writers) == 12, "there was nothing left to write"
    assert (tmp_path / "out" / "report.md").read_text() in capsys.readouterr().out


def test_the_published_table_is_that_of_its_records():
    results = Path(study.__file__).parents[1] / "results"
    records = journal.read(results / "drafts" / "qwen-0.5b.jsonl")
    assert len({(r["item"], r["way"], r["shown"]) for r in records}) == len(records) >= 300
    assert study.report(records).strip() in (results / "drafts.md").read_text("utf-8")
