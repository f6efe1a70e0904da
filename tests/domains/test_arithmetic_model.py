"""The embedded policy and reward model, and what they were made with."""

from __future__ import annotations

import json
from itertools import islice

import numpy as np
import pytest

import smc
from domains.arithmetic.problems import parse
from domains.arithmetic.scorers import OracleScorer
from domains.arithmetic.splits import problems, split_of
from domains.arithmetic.steps import answer, solve, sound, split
from domains.arithmetic.task import TASK, reward_model
from domains.arithmetic.train import MODEL
from domains.arithmetic.train_prm import PRM
from domains.arithmetic.training.measure import accuracy, draw
from domains.arithmetic.training.prm import LabelledSamples, PrmRun, PrmSetting, judge
from domains.arithmetic.training.quality import (
    auc,
    calibration,
    deviation,
    pairs,
    quality,
    scores_of,
)
from domains.arithmetic.training.samples import (
    Sample,
    balance,
    draw_samples,
    draw_slips,
    held_out_problems,
    read_samples,
    training_problems,
    with_slip,
    write_samples,
)
from potentials.reward_model import FunctionReward

PROBLEM = parse("a=7+5;b=a*3;c=b-6;c?\n")
TEXT = "".join(solve(PROBLEM))


@pytest.fixture(scope="module")
def policy():
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(MODEL).eval()
    return model, AutoTokenizer.from_pretrained(MODEL)


def test_easy_problems_are_mostly_right_and_hard_ones_seldom(policy):
    """Bounds are the card's figures and z = 4 of 20 problems a level; seed fixed beforehand."""
    found = accuracy(*policy, "test", 100, seed=9)
    assert found["right_1"] > 0.8 and found["right_5"] < 0.04 + 4 * np.sqrt(0.04 * 0.96 / 20)
    assert found["right_1"] > found["right_4"] > found["right_5"]


def test_the_reward_model_tells_right_steps_from_wrong_ones(policy):
    """AUC of the card 0.94; with some 150 steps of each kind its standard error is below 0.03."""
    source = ((level, p) for level, p in problems("test", 10, (3, 4, 5)))
    samples = list(draw_samples(*policy, source, 60, seed=10))
    found = quality(samples, scores_of(reward_model(), samples))
    assert found["auc"] > 0.94 - 4 * 0.03 and found["brier"] < 0.15
    assert 0.2 < found["right"] < 0.9


def test_the_cards_are_those_of_the_weights():
    for folder, name in ((MODEL, "policy"), (PRM, "reward model")):
        card = (folder / "README.md").read_text()
        facts = json.loads((folder / "training.json").read_text())
        assert f"{facts['step']:,} of about" in card and name in card
        assert (folder / "model.safetensors").stat().st_size < 6e6


def test_the_reward_model_is_a_potential_of_the_task():
    """Particles that the reward model steers: the engine, the policy and the potential together."""
    item = TASK.items(3)[2]
    model = smc.load(str(MODEL), device="cpu", dtype="float32")
    posterior = smc.sample(
        model,
        item.prompt,
        [*TASK.cheap(item), *TASK.expensive(item)],
        num_particles=8,
        max_tokens=TASK.max_tokens,
        seed=4,
    )
    assert posterior.status == smc.Status.COMPLETE
    texts = posterior.probabilities()
    assert sum(texts.values()) == pytest.approx(1)
    assert all(answer(text) is not None for text in texts)


def test_answers_of_the_policy_are_repeatable(policy):
    prompts = [p.text for _, p in islice(problems("test"), 5)]
    first = draw(*policy, prompts, seed=2)
    assert first == draw(*policy, prompts, seed=2) != draw(*policy, prompts, seed=3)
    cold = draw(*policy, prompts, seed=2, temperature=0.0)
    assert cold == draw(*policy, prompts, seed=3, temperature=0.0)


@pytest.mark.parametrize(
    ("at", "char", "steps"),
    [
        (len("a=7+5=1"), "3", ("a=7+5=13\n", "b=13*3=39\n", "c=39-6=33")),
        (len("a=7+5=12\nb=12*3=3"), "8", ("a=7+5=12\n", "b=12*3=38\n", "c=38-6=32")),
        (len("a=7+5=12\n"), "d", ("a=7+5=12\n", "d=12*3=36\n")),  # no longer a step of it
        (len(TEXT) - 1, "9", ("a=7+5=12\n", "b=12*3=36\n", "c=36-6=39")),
        (3, "\n", solve(PROBLEM)),  # no slip: only characters of steps count
    ],
)
def test_slips(at, char, steps):
    wrote = [*TEXT[:at], char, *TEXT[at + 1 :]]
    assert with_slip(PROBLEM, TEXT, wrote) == steps


def test_slips_of_the_policy(policy):
    samples = list(draw_slips(*policy, training_problems(3), 60, seed=3))
    assert len(samples) == 60 and 0.2 < balance(samples) < 0.95
    for s in samples:
        assert split_of(parse(s.prompt)) == "train"
        assert s.labels == sound(parse(s.prompt), s.steps) and s.steps == split("".join(s.steps))


def test_a_reward_model_begins_as_the_policy(policy, tmp_path):
    """Its further layers are the identity, so it foretells the same characters."""
    import torch

    corpus = LabelledSamples(PrmSetting(minutes=1e9), MODEL, [], [])
    run = PrmRun(PrmSetting(minutes=1e9), corpus, tmp_path)
    assert len(run.model.model.layers) > len(policy[0].model.layers)
    ids = torch.tensor([policy[1].encode(f"{PROBLEM.text}{TEXT}")])
    with torch.no_grad():
        ours, theirs = (m(ids).logits[..., :257] for m in (run.model.eval(), policy[0]))
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_quality_by_hand():
    scores, labels = np.array([0.9, 0.6, 0.6, 0.1]), np.array([True, True, False, False])
    assert auc(scores, labels) == 3.5 / 4
    assert np.isnan(auc(scores, np.ones(4, bool)))
    assert calibration(scores, labels) == [
        (pytest.approx(0.1), 0.0, 0.25),
        (pytest.approx(0.6), 0.5, 0.5),
        (pytest.approx(0.9), 1.0, 0.25),
    ]
    sample = Sample(1, PROBLEM.text, ("x", "y", "z"), (True, False, False))
    found = quality([sample], [(0.9, 0.2, 0.95)])
    assert found["auc"] == 0.5 and found["auc_turn"] == 1.0 and found["right"] == 1 / 3
    assert found["brier"] == pytest.approx((0.01 + 0.04 + 0.9025) / 3)


def test_pairs_by_hand():
    """Of a sample the first wrong step counts, beside the right one in its place."""
    right = solve(PROBLEM)
    samples = [
        Sample(1, PROBLEM.text, (right[0], "b=12*3=35\n", "c=35-6=29"), (True, False, False)),
        Sample(1, PROBLEM.text, ("a=7+5=13\n",), (False,)),
        Sample(1, PROBLEM.text, right, (True, True, True)),
        Sample(1, PROBLEM.text, (*right, "d=1+1=2"), (True, True, True, False)),
    ]
    seen = []

    def shorter(prompt, steps):
        seen.append(steps)
        return [0.5] * (len(steps) - 1) + [0.9 if "=13" in steps[-1] else 0.1]

    assert pairs(FunctionReward(shorter), samples) == [False, False]
    assert seen == [right[:2], (right[0], "b=12*3=35\n"), right[:1], ("a=7+5=13\n",)]
    assert pairs(OracleScorer(), samples) == [True, True]


def test_a_standard_error_is_that_of_problems():
    """The share of right samples, each with all its steps alike: √(p (1 − p) / n)."""
    samples = [Sample(1, PROBLEM.text, ("x", "y"), (k % 4 > 0,) * 2) for k in range(400)]
    scores = [(0.5, 0.5)] * 400
    expected = np.sqrt(0.75 * 0.25 / 400)
    # 200 bootstraps know a standard deviation to 5%; z = 4.
    assert deviation(samples, scores, "right") == pytest.approx(expected, rel=0.2)


def test_training_learns_from_labels(policy, tmp_path):
    """A few steps lower the loss on what they are made on, and a cut-off run goes on."""
    samples = list(draw_slips(*policy, training_problems(1), 40, seed=1))
    held_out = list(draw_samples(*policy, held_out_problems("calibration", 1), 8, seed=1))
    write_samples(samples, tmp_path / "samples.jsonl")
    assert read_samples(tmp_path / "samples.jsonl") == samples
    setting = PrmSetting(minutes=1e9, rows=4, lessons=0)
    corpus = LabelledSamples(setting, MODEL, samples, held_out)
    run = PrmRun(setting, corpus, tmp_path / "run")
    batches = corpus.batches(run.tokenizer, 0)
    batch = next(batches)
    run.model.train()
    losses = [run.step(batch) for _ in range(8)]
    assert losses[-1] < losses[0]
    assert set(run.validate(8)) >= {"auc", "brier", "ece", "pairs"}
    run.progress.step = 8  # at step 0 a run would begin with the policy's weights
    run.save()
    again = PrmRun(setting, corpus, tmp_path / "run")
    before, after = (scores_of(judge(r.model.eval(), r.tokenizer), held_out) for r in (run, again))
    assert before == after and again.progress.step == 8
