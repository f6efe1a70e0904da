"""The critic and editor of the arithmetic domain: format, data, what they are measured by."""

from __future__ import annotations

import dataclasses
import json
import random
from collections import Counter
from itertools import islice

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

import smc
from domains.arithmetic.feedback import (
    EDITOR,
    PROMPTS,
    RIGHT,
    TPO_PROMPTS,
    UNFINISHED,
    WRONG,
    feedback_by,
    feedback_on,
    usefulness,
)
from domains.arithmetic.feedback_writers import SayingCritic, TaggingWriter, asked_about
from domains.arithmetic.problems import parse
from domains.arithmetic.scorers import OracleScorer
from domains.arithmetic.splits import problems, split_of
from domains.arithmetic.steps import solve, sound, split
from domains.arithmetic.train import MODEL
from domains.arithmetic.train_feedback import make_run
from domains.arithmetic.training.feedback import FeedbackCorpus, FeedbackSetting
from domains.arithmetic.training.feedback_quality import KINDS, SAID, Judged, Quality, measure
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.samples import Sample
from smc.errors import PromptError
from smc.strategies import feedback_edit, tpo
from tests.writers import ScriptedWriter, in_turn

TEXT = "a=7+5;b=a*3;c=b-6;c?\n"
PROBLEM = parse(TEXT)
SOLUTION = "".join(solve(PROBLEM))
SLIP = "a=7+5=12\nb=12*3=35\nc=35-6=29"


def sample(text: str, level: int = 3) -> Sample:
    steps = split(text)
    return Sample(level, TEXT, steps, sound(PROBLEM, steps))


@pytest.mark.parametrize(
    ("draft", "said"),
    [
        (SOLUTION, RIGHT),
        (SLIP, f"{WRONG}b=12*3=35"),
        ("a=7+5=12\nb=12*3=36", UNFINISHED),
        ("a=7+5=12\nb=12*3=36\n", UNFINISHED),
        ("", UNFINISHED),
        ("a=7+5=12\n\n", WRONG),
        (SOLUTION + "\nc=36-6=30", f"{WRONG}c=36-6=30"),
        ("b=12*3=36\n", f"{WRONG}b=12*3=36"),
        ("x" * 99, WRONG + "x" * 40),
    ],
)
def test_feedback_names_the_first_line_that_does_not_follow(draft, said):
    assert feedback_on(PROBLEM, draft) == said


@pytest.mark.parametrize("draft", [SOLUTION, SLIP, "a=7+5=12\nb=12*3=36", "", "x" * 99])
def test_a_judge_that_errs_nowhere_says_what_is_to_be_said(draft):
    assert feedback_by(OracleScorer())(PROBLEM, draft) == feedback_on(PROBLEM, draft)


def test_the_most_useful_feedback_names_something_to_change():
    said = [f"{WRONG}b=12*3=35", UNFINISHED, RIGHT, "b=", ""]
    assert [usefulness(s) for s in said] == [1.0, 1.0, -1.0, -2.0, -2.0]


def test_prompts_of_the_two_strategies_are_alike():
    values = {"question": TEXT, "draft": SLIP, "feedback": "f"}
    others = {"question": TEXT, "chosen": SLIP, "suggestions": "f", "critique": "", "rejected": ""}
    asked = PROMPTS.feedback.text(values)
    assert asked == f"{TEXT}{SLIP}\n~"
    assert TPO_PROMPTS.review.text(others) == TPO_PROMPTS.suggest.text(others) == asked
    assert PROMPTS.edit.text(values) == f"{asked}f\n{TEXT}" == TPO_PROMPTS.rewrite.text(others)
    assert asked_about(asked) == (PROBLEM, SLIP)
    for prompt in (TEXT, f"{asked}f\n{TEXT}", [{"role": "user", "content": asked}]):
        with pytest.raises(PromptError, match="got"):
            asked_about(prompt)


def editor(prompt: str, uniform: float) -> str:
    """Writes the solution where a wrong line is named, and else the draft again."""
    rest = prompt.partition("\n")[2]
    draft, _, said = rest.partition("\n~")
    assert said.endswith(TEXT)
    return SOLUTION if said.startswith(WRONG) else draft


def test_an_exact_critic_and_an_editor_mend_a_draft_and_leave_a_right_one():
    result = feedback_edit(
        in_turn(SLIP, SOLUTION), TEXT, OracleScorerOfTexts(), num_solutions=2, feedbacks=1,
        effective=1, edits=1, critic=SayingCritic(feedback_on), editor=ScriptedWriter(editor),
        prompts=PROMPTS, effective_by=usefulness,
    )  # fmt: skip
    written = {c.role: [] for c in result.calls}
    for call in result.calls:
        written[call.role].append(call.written.text)
    assert written["feedback"] == [f"{WRONG}b=12*3=35", RIGHT]
    assert written["edit"] == [SOLUTION, SOLUTION] and result.text == SOLUTION
    tokens = sum(len(t) for role in ("draft", "edit") for t in written[role])
    said = sum(len(t) + 1 for t in written["feedback"])
    assert result.budget.model_tokens == tokens + said


def test_tpo_takes_policy_and_critic_as_one_writer():
    critic = ScriptedWriter(
        lambda prompt, uniform: (
            editor(prompt, uniform) if prompt.endswith(TEXT) else feedback_on(*asked_about(prompt))
        )
    )
    policy = in_turn(SLIP)
    writer = TaggingWriter(policy, critic, critic)
    result = tpo(
        writer, TEXT, OracleScorerOfTexts(), num_solutions=1, rounds=1, mode="revision",
        prompts=TPO_PROMPTS,
    )  # fmt: skip
    assert [c.role for c in result.calls] == ["draft", "critique", "suggestions", "rewrite"]
    assert result.text == SOLUTION and not result.notes
    assert policy.prompts == [TEXT] and len(critic.prompts) == 3
    assert writer.passes == policy.passes + 2 * critic.passes


class OracleScorerOfTexts(OracleScorer):
    """Exact labels, of whole texts."""

    def scores(self, prompt, solutions):
        whole = [split("".join(s)) for s in solutions]
        return [(own[-1],) for own in super().scores(prompt, whole)]


def corpus(drafts, **changes):
    setting = dataclasses.replace(FeedbackSetting(rows=2, length=256), **changes)
    return FeedbackCorpus(setting, MODEL, drafts, [])


def test_shares_of_the_data_are_those_of_the_setting():
    """z = 4 of 4,000 rows, seed fixed beforehand."""
    own = corpus([sample(SLIP)])
    rng = random.Random(3)
    rows = [own.row(3, False, rng) for _ in range(4000)]
    assert set(rows) == {
        (PROMPTS.feedback.text({"question": TEXT, "draft": d}), feedback_on(PROBLEM, d))
        for d in (SLIP, SOLUTION)
    }
    wrong = sum(said != RIGHT for _, said in rows)
    assert abs(wrong - 2400) < 4 * np.sqrt(4000 * 0.6 * 0.4)
    edits = [own.row(3, True, rng) for _ in range(4000)]
    assert {learnt for _, learnt in edits} == {SOLUTION}
    said = Counter(asked.partition("\n~")[2].partition("\n")[0] for asked, _ in edits)
    assert abs(said[""] - 400) < 4 * np.sqrt(4000 * 0.1 * 0.9)
    false = sum(
        feedback_on(*asked_about(asked.partition("~")[0] + "~")) != line and line != ""
        for asked, _ in edits
        for line in [asked.partition("\n~")[2].partition("\n")[0]]
    )
    assert abs(false - 400) < 4 * np.sqrt(4000 * 0.1 * 0.9)
    assert corpus([sample(SOLUTION)]).row(3, False, rng)[1] == RIGHT


def test_only_what_is_said_or_written_anew_is_to_be_learnt():
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    batches = corpus([sample(SLIP, level) for level in range(1, 6)]).batches(tokenizer, 0)
    feedback, edits = next(batches), next(batches)
    for batch, known in ((feedback, {RIGHT, f"{WRONG}b=12*3=35"}), (edits, {SOLUTION})):
        assert batch.weights is not None
        for tokens, weights in zip(batch.tokens, batch.weights, strict=True):
            learnt = tokens[1:][weights > 0]
            assert tokenizer.decode(learnt[:-1]) in known
            assert learnt[-1] == tokenizer.eos_token_id


def test_quality_counts_what_was_found_and_what_came_of_it():
    named, other = f"{WRONG}b=12*3=35", f"{WRONG}a=7+5=12"
    judged = (
        Judged(sample(SLIP), named, named, SOLUTION),
        Judged(sample(SLIP), named, other, SLIP),
        Judged(sample(SLIP), named, RIGHT, SLIP.replace("29", "28")),
        Judged(sample(SOLUTION), RIGHT, RIGHT, SOLUTION),
        Judged(sample(SOLUTION), RIGHT, other, SLIP),
        Judged(sample("a=7+5=12"), UNFINISHED, "b", SOLUTION),
    )
    assert Quality(judged).figures() == pytest.approx(
        {"exact": 2 / 6, "found": 1 / 3, "cleared": 1 / 2, "mended": 2 / 4, "spoilt": 1 / 2,
         "copied": 2 / 6, "copied_wrong": 1 / 4}
    )  # fmt: skip
    assert Quality(judged).confusion() == {
        (KINDS[1], SAID[1]): 1, (KINDS[1], SAID[2]): 1, (KINDS[1], SAID[0]): 1,
        (KINDS[0], SAID[0]): 1, (KINDS[0], SAID[2]): 1, (KINDS[2], SAID[4]): 1,
    }  # fmt: skip
    assert np.isnan(Quality(()).figures()["found"])


def test_a_short_run_is_continued_and_exported(tmp_path):
    setting = FeedbackSetting(
        minutes=0.02, problems=2, attempts=3, held_out=4, rows=2, length=128, rate=0.01
    )
    run = make_run(setting, tmp_path, tmp_path / "work")
    run.train(prompts=4)
    assert run.progress.step > 0
    again = make_run(setting, tmp_path, tmp_path / "work")
    assert again.progress == run.progress
    assert all(split_of(parse(s.prompt)) == "calibration" for s in again.corpus.held_out)
    again.export(tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "training.json").read_text())
    assert facts["problems"] == 2 and facts["step"] == run.progress.step
    model, _ = load_policy(tmp_path / "out")
    for name, weight in again.model.state_dict().items():
        assert torch.equal(model.state_dict()[name], weight.half().float())
    size = (tmp_path / "out" / "model.safetensors").stat().st_size
    assert size < 3e6 and (EDITOR / "model.safetensors").stat().st_size == pytest.approx(size, 0.01)


def test_the_stored_editor_solves_a_problem_behind_a_draft_of_it():
    """No right draft of level 3 was spoilt on its card; z = 4 of 20 at 0.9, seed fixed before."""
    chosen = [p for _, p in islice(problems("test", 8, (3,)), 20)]
    drafts = [Sample(3, p.text, solve(p), sound(p, solve(p))) for p in chosen]
    quality = measure(drafts, editor=load_policy(EDITOR), seed=8)
    right = sum(j.put_right for j in quality.judged)
    assert right >= 20 * 0.9 - 4 * np.sqrt(20 * 0.9 * 0.1)
    assert [j.said for j in quality.judged] == [RIGHT] * 20
    assert smc.embedded("arithmetic-editor") == str(EDITOR)
