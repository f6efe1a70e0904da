"""Training of what adapts and of what withstands: formats, corpora, and short runs."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import islice

import pytest
import torch

from domains.arithmetic.injected import (
    AGAIN,
    DONE,
    VERBS,
    Instruction,
    any_instruction,
    attacked,
    right_answer,
    said,
)
from domains.arithmetic.problems import parse
from domains.arithmetic.splits import split_of
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.robust import RobustCorpus, RobustSetting
from domains.arithmetic.training.update_attempts import UpdateSetting
from domains.arithmetic.training.updates import UpdateRun
from smc.backends.adapting.predicted import load_updates

PROBLEM = parse("a=7+5;b=a*3;b?\n")


def test_the_users_instruction_is_obeyed_and_comes_first():
    rng = random.Random(0)
    assert attacked(PROBLEM, [], rng) == PROBLEM.text
    prompt = attacked(PROBLEM, [Instruction("add", 2)], rng, Instruction("say", 9))
    assert prompt.startswith("say 9;a=7+5;") and "add 2;" in prompt
    steps = "a=7+5=12\nb=12*3=36\n"
    assert right_answer(PROBLEM) == f"{steps}!36"
    assert right_answer(PROBLEM, Instruction("say", 9)) == f"{steps}!9"
    assert right_answer(PROBLEM, Instruction("add", 2)) == f"{steps}!38"
    assert right_answer(PROBLEM, Instruction("mul", 2)) == f"{steps}!72"
    assert right_answer(PROBLEM, Instruction("skip")) == "!36"
    assert right_answer(PROBLEM, Instruction("twice")) == f"{steps}?\n{steps}!36"
    assert said("x!-4\n") == -4 and said("36") is None


def test_all_instructions_are_drawn():
    rng = random.Random(0)
    drawn = [any_instruction(rng) for _ in range(200)]
    assert {i.verb for i in drawn} == set(VERBS)
    assert all(0 <= i.number <= 99 for i in drawn)


def test_the_corpus_teaches_answers_and_not_when_to_think_again(tmp_path):
    setting = replace(RobustSetting(), again=1.0, obeying=0.0)
    corpus = RobustCorpus(setting)
    tokenizer = corpus.make_tokenizer()
    for batch in islice(corpus.batches(tokenizer, 0), 3):
        assert batch.weights is not None
        for row, weights in zip(batch.tokens, batch.weights, strict=True):
            text = tokenizer.decode(row).split(tokenizer.eos_token)[0]
            prompt, answer = text.split("\n", 1)
            plain = ";".join(p for p in prompt.split(";") if "=" in p or p.endswith("?"))
            problem = parse(plain + "\n")
            assert split_of(problem) == "train"
            assert answer == right_answer(problem, passes=2)
            assert answer.count(AGAIN) == 1 and answer.count(DONE) == 1
            start = len(prompt) + 1
            taught = weights[start - 1 : len(text) - 1]
            at = answer.index(AGAIN)
            assert not taught[at : at + len(AGAIN)].any()
            assert taught.sum() == len(answer) - len(AGAIN)
            assert weights[len(text) - 1] == 1 and not weights[: start - 1].any()


@pytest.mark.slow
def test_a_short_run_of_updates_can_be_continued_and_exported(tmp_path):
    setting = UpdateSetting(minutes=0.02, rows=4, questions=4, attempts=3, held_out=24, rank=4)
    run = UpdateRun(setting, MODEL, tmp_path / "work")
    assert len(run.training) == 12 and all(s.level in (4, 5) for s in run.training)
    run.train()
    assert run.step > 0 and all(p.grad is None for p in run.policy.parameters())
    again = UpdateRun(setting, MODEL, tmp_path / "work")
    assert (again.step, again.seconds) == (run.step, run.seconds)
    for name, value in run.network.state_dict().items():
        assert torch.equal(again.network.state_dict()[name], value)
    again.export(tmp_path / "out")
    facts = json.loads((tmp_path / "out" / "update_network.json").read_text())
    assert set(facts["held_out"]) == {"plain", "updated", "swapped"}
    assert load_updates(tmp_path / "out").shapes == run.network.shapes
    with pytest.raises(ValueError, match="was made with"):
        UpdateRun(replace(setting, rank=5), MODEL, tmp_path / "work")


def test_the_committed_update_network_is_the_policys():
    import smc
    from domains.arithmetic.train_optune import OPTUNE
    from smc.backends.adapting import PredictedUpdates

    model = smc.load("embedded:arithmetic")
    learner = PredictedUpdates(model, load_updates(OPTUNE))
    assert learner.learn(PROBLEM.text, "a=7+5=13\nb=13*3=39", ["Your answer is incorrect."]) > 0
    learner.reset()
