"""The generative verifier: the reward model's network read as a language model."""

from __future__ import annotations

import json
from itertools import accumulate

import numpy as np
import pytest
import torch

from domains.arithmetic import fit_verifier
from domains.arithmetic.splits import problems
from domains.arithmetic.task import PRM, reward_model
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.labelled import FORMAT
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.prm import PrmSetting
from domains.arithmetic.training.quality import pairs, quality, scores_of
from domains.arithmetic.training.samples import draw_samples
from domains.arithmetic.verifier import CALIBRATION, calibration, make_verifier, verifier
from potentials.reward_model import Logistic


@pytest.fixture(scope="module")
def samples():
    source = problems("test", 12, (3, 4, 5))
    return list(draw_samples(*load_policy(MODEL), source, 90, seed=12))


def plain(prompt: str, steps: tuple[str, ...]) -> list[float]:
    """Log likelihoods as training foretells: all layers run, those before the judging ones read."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(PRM).eval()
    reading = FORMAT.readings(AutoTokenizer.from_pretrained(PRM), prompt, steps)[0]
    ids = torch.tensor([reading.ids])
    with torch.no_grad():
        out = model.model(ids, output_hidden_states=True)
        before = out.hidden_states[-1 - PrmSetting().judging]
        log_probs = model.lm_head(model.model.norm(before))[0, :-1].log_softmax(-1)
    of_tokens = log_probs.gather(1, ids[0, 1:, None])[:, 0].double()
    starts = (len(prompt), *reading.marks)  # a token a character, and a space behind the problem
    sums = [float(of_tokens[a:b].sum()) for a, b in zip(starts, reading.marks, strict=False)]
    return list(accumulate(sums))


def test_it_reads_what_training_foretells(samples):
    for s in samples[:3]:
        (found,) = make_verifier(None).log_likelihoods(s.prompt, [s.steps])
        assert found == pytest.approx(plain(s.prompt, s.steps), abs=1e-3)
        (scores,) = verifier().scores(s.prompt, [s.steps])
        odds = [np.exp(calibration().intercept + calibration().slope * x) for x in found]
        assert scores == pytest.approx([o / (1 + o) for o in odds], abs=1e-3)


def test_it_knows_better_than_the_head(samples):
    """Card: 0.81 of pairs, and 0.16 more than the head; AUC at the turn 0.996, whose error with
    some 60 wrong steps is below 0.01. z = 4."""
    won, head = (np.array(pairs(judge, samples), float) for judge in (verifier(), reward_model()))
    error = np.std(won - head, ddof=1) / np.sqrt(len(won))
    assert len(won) > 40 and np.mean(won) > 0.81 - 4 * np.sqrt(0.81 * 0.19 / len(won))
    assert np.mean(won - head) > 0.16 - 4 * error
    found = quality(samples, scores_of(verifier(), samples))
    assert found["auc_turn"] > 0.996 - 4 * 0.01 and found["brier"] < 0.06


def test_the_fit_finds_what_made_the_labels():
    """Labels drawn from a known curve; bounds are z = 4 of the standard errors of the fit."""
    rng = np.random.default_rng(0)
    inputs, made = -rng.exponential(2.0, size=4000), Logistic(slope=1.8, intercept=3.5)
    expected = np.array([made(x) for x in inputs])
    labels = rng.random(4000) < expected
    found = fit_verifier.fit(inputs, labels)
    design = np.stack([inputs, np.ones(4000)], axis=-1)
    errors = np.sqrt(np.diag(np.linalg.inv((design.T * (expected * (1 - expected))) @ design)))
    assert abs(found.slope - 1.8) < 4 * errors[0] and abs(found.intercept - 3.5) < 4 * errors[1]
    at = np.array([found(x) for x in inputs])
    assert (labels - at).sum() == pytest.approx(0, abs=1e-6)  # so the curve is the likeliest
    assert ((labels - at) * inputs).sum() == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("labels", [[True] * 4, [False, False, True, True]])
def test_labels_that_a_threshold_parts_have_no_fit(labels):
    with pytest.raises(ValueError, match="no fit to 4 steps"):
        fit_verifier.fit([-4.0, -3.0, -2.0, -1.0], labels)


def test_the_command_writes_what_it_fitted_and_how(tmp_path, monkeypatch):
    stored = json.loads(CALIBRATION.read_text())
    path = tmp_path / "verifier.json"
    monkeypatch.setattr(fit_verifier, "CALIBRATION", path)
    fit_verifier.main(["--problems", "60", "--seed", "4"])
    found = json.loads(path.read_text())
    assert found.keys() == stored.keys()
    assert found["command"].endswith("--problems 60 --seed 4") and found["split"] == "calibration"
    assert 0 < found["right_steps"] < found["steps"]
    # Far fewer problems than the stored numbers are from, and yet of their kind.
    assert 0.3 < found["slope"] / stored["slope"] < 3
    first = path.read_text()
    fit_verifier.main(["--problems", "60", "--seed", "4"])
    assert path.read_text() == first


def test_the_card_tells_the_fit():
    stored = json.loads(CALIBRATION.read_text())
    card = (PRM / "README.md").read_text()
    assert f"{stored['intercept']:.3f} + {stored['slope']:.3f} log p" in card
    assert stored["command"] in card and f"{stored['steps']:,} labelled steps" in card
