"""The benchmark of writing again: what is counted, equal tokens, the tables."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

import benchmarks
from benchmarks.refining.__main__ import read
from benchmarks.refining.functions import PublicTests
from benchmarks.refining.report import render
from benchmarks.refining.trial import World, packed, trial, unpacked
from domains.base import Item
from domains.functions.problem import FunctionProblem
from smc.strategies import Options, feedback_edit, tpo
from smc.strategies.programs import ProgramOutput, PublicTest
from tests.step_worlds import Judge
from tests.writers import ScriptedWriter

RESULTS = Path(benchmarks.__file__).parent / "results"


@dataclass(frozen=True)
class Words(Item):
    """A problem that the text `right` solves."""

    size: int = field(default=1)


def says(prompt: str, uniform: float) -> str:
    """A right draft in a fourth of cases; edits copy, or become right by their critique."""
    if "Write the answer anew" in prompt:
        return "right"
    if "Begin with one of" in prompt:
        return "The answer is not helpful."
    return "right" if uniform < 0.25 else f"w{uniform:.3f}"


def made(**changes) -> World:
    writer = ScriptedWriter(says)

    def edits(prompt, scorer, size, options):
        return feedback_edit(
            writer, prompt, scorer, num_solutions=size, feedbacks=1, edits=1, options=options
        )

    def rounds(prompt, scorer, size, options):
        return tpo(writer, prompt, scorer, num_solutions=size, rounds=1, options=options)

    judge = Judge(lambda text: float(text == "right"))
    settings = {
        "items": [Words(f"i{k}", f"problem {k}") for k in range(4)],
        "level": lambda item: int(item.id[1]) % 2,
        "arms": {"edits": edits, "tpo": rounds},
        "sizes": {"edits": (1, 2), "tpo": (1, 2)},
        "judges": {"oracle": lambda item: judge},
        "samples": writer,
        "right": lambda item, texts: [t == "right" for t in texts],
        "answer": lambda text: text,
    }
    return World(**settings | changes)


@pytest.mark.parametrize(
    ("rewrite", "right"),
    [
        ("Here:\n<improved>\nright\n</improved>\nDone.", 1),
        ("<improved>right</improved>", 1),
        ("right", 0),  # no tags: TPO leaves it out
        ("<improved></improved>", 0),
    ],
)
def test_a_rewrite_counts_as_what_stands_between_its_tags(rewrite, right):
    def reply(prompt: str, uniform: float) -> str:
        return rewrite if "<improved>" in prompt else f"w{uniform:.3f}"

    writer = ScriptedWriter(reply)

    def rounds(prompt, scorer, size, options):
        return tpo(writer, prompt, scorer, num_solutions=size, rounds=1, options=options)

    world = made(arms={"tpo": rounds}, sizes={"tpo": (2,)}, samples=writer)
    for item in world.items:
        (run,) = trial(world, item, 3)["runs"]
        assert (run["again"], run["again_right"]) == (2, 2 * right)
        assert (run["right"], run["any"], run["drafts_right"]) == (bool(right), bool(right), 0)


def test_samples_are_the_fewest_that_took_as_many_tokens():
    world = made()
    for item in world.items:
        for run in trial(world, item, 3)["runs"]:
            assert run["drafts"] == run["size"]
            assert run["sample_tokens"] >= run["tokens"] > run["sample_tokens"] - 6
            assert run["samples"] >= 5  # a feedback of 26 characters is five drafts
            if run["arm"] == "edits":
                assert run["right"] and run["again_right"] == run["again"] == run["size"]
                assert run["copies"] == (run["again"] if run["drafts_right"] else 0)
            else:
                assert run["again_right"] == 0 and run["right"] == (run["drafts_right"] > 0)
            assert run["best_of_n"] == run["samples_any"] >= (run["drafts_right"] > 0)


def test_drafts_are_the_first_samples():
    writer = ScriptedWriter(lambda prompt, uniform: f"{uniform:.9f}")
    arm = {"tpo": lambda p, s, n, o: tpo(writer, p, s, num_solutions=n, rounds=0, options=o)}
    world = made(
        samples=writer,
        arms=arm,
        sizes={"tpo": (3,)},
        right=lambda item, texts: [t > "0.5" for t in texts],
    )
    for item in world.items:
        (run,) = trial(world, item, 1)["runs"]
        assert run["samples"] == 3 and run["again"] == run["copies"] == 0
        assert run["right"] == run["best_of_n"] and run["any"] == run["samples_any"]


def test_a_world_without_votes_has_none():
    (run, *_) = trial(made(answer=None), made().items[0], 0)["runs"]
    assert "votes" not in run


@pytest.mark.parametrize("answer", [None, str.strip])
def test_a_record_is_the_same_behind_a_file(answer):
    record = trial(made(answer=answer), made().items[0], 0)
    assert unpacked(json.loads(json.dumps(packed(record)))) == record


def test_the_tables_tell_pairs_and_levels():
    world = made()
    records = [trial(world, item, 0) for item in world.items]
    head = {"title": "T", "command": "run", "commit": "c", "date": "d", "setting": "S.",
            "machine": {"cpu": "x", "cores": 2, "load": 1.0}}  # fmt: skip
    page = render(head, records)
    assert (
        "S. 4 problems" in page and page.startswith("## T\n") and "### Judged by the oracle" in page
    )
    rows = [line for line in page.splitlines() if line.startswith("| edits")]
    assert len(rows) == 3 and all("| 1.000 (0.510, 1.000) |" in row for row in rows[:2])
    best = [float(r["best_of_n"]) for record in records for r in record["runs"]
            if r["arm"] == "edits" and r["size"] == 1]  # fmt: skip
    assert f"{1 - np.mean(best):+.3f} (" in rows[0]
    assert "| … less best-of-N |" in page and "| right | level 0 | level 1 |" in page
    assert "votes" in page
    without = [trial(made(answer=None), item, 0) for item in world.items]
    assert "votes" not in render(head, without)


@pytest.mark.parametrize(("name", "problems"), [("arithmetic", 100), ("functions", 20)])
def test_the_page_holds_the_tables_of_its_records(name, problems):
    page = (RESULTS / "feedback-edit.md").read_text(encoding="utf-8")
    head, records = read(RESULTS / "refining" / f"{name}.jsonl")
    assert len({record["item"] for record in records}) == len(records) == problems
    assert render(head, records) in page


def test_public_tests_judge_by_their_share():
    class Runner:
        def run(self, jobs):
            return [
                ProgramOutput(True, "1" if "good" in p or i == "f(1)" else "0") for p, i in jobs
            ]

    problem = FunctionProblem(
        "1", "f", "", "def f(n):\n", "", (PublicTest("f(1)", "1"), PublicTest("f(2)", "1")), ()
    )
    judge = PublicTests(problem, Runner())
    assert judge.scores("", [("good",), ("bad", "one")]) == [(1.0,), (0.5, 0.5)]
    assert judge.passes == 2 and Options().answer is None
