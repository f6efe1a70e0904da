"""Likelihood as a reward, against a plain computation: whole texts, one by one, nothing cached."""

from __future__ import annotations

import math
from itertools import accumulate, chain, pairwise
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from potentials.reward_model import (
    Classifier,
    Continuation,
    LikelihoodReward,
    Logistic,
    MathShepherd,
    Telescoping,
    load_likelihood_reward,
)
from smc.errors import ModelError, SettingsError
from tests.potentials import reward_models as made

QUESTION = "how many cats sat on the mat?"
ONE, TWO, THREE = "one + two = three\n\n", "the cat sat\non the mat\n\n", "so seven"
SOLUTIONS = [(ONE, TWO, THREE), (ONE, THREE), (ONE,), (TWO, ONE, ONE, THREE), (ONE, TWO)]
CLOSE = {"rel": 1e-4, "abs": 1e-4}


@pytest.fixture(scope="module", params=["llama", "mistral"])
def folder(request, tmp_path_factory) -> Path:
    """A causal model; Mistral's has a sliding window, as wide as the texts here at most."""
    return made.math_shepherd(tmp_path_factory.mktemp(request.param), request.param)


def loaded(folder: Path, format=None, **changes) -> LikelihoodReward:
    return load_likelihood_reward(str(folder), format, device="cpu", **changes)


def plain(folder: Path, pieces: list[list[int]]) -> list[float]:
    """log p of each piece but the first one, given what comes before it."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    ids = torch.tensor([list(chain(*pieces))])
    with torch.no_grad():
        log_probs = model(ids).logits[0].log_softmax(-1)
    of_tokens = [0.0] + [float(log_probs[i - 1, ids[0, i]]) for i in range(1, ids.shape[1])]
    ends = list(accumulate(map(len, pieces)))
    return [math.fsum(of_tokens[a:b]) for a, b in pairwise(ends)]


def plain_continuation(folder: Path, steps: tuple[str, ...]) -> list[float]:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    return plain(folder, [tokenizer.encode(t) for t in (f"{QUESTION}\n", *steps)])


def plain_math_shepherd(folder: Path, steps: tuple[str, ...]) -> list[float]:
    """The tokens of a step are those behind the mark before it, its own mark included."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer.encode(f"{QUESTION} " + "\n".join(f"{s.rstrip()} ки" for s in steps))
    mark = tokenizer.encode("ки")[-1]
    asked = tokenizer.encode(QUESTION)
    assert ids[: len(asked)] == asked  # and the space behind it is the first token of the step
    pieces: list[list[int]] = [asked, []]
    for i in ids[len(asked) :]:
        pieces[-1].append(i)
        if i == mark:
            pieces.append([])
    return plain(folder, pieces[:-1])


KINDS = {
    "continuation": (Continuation(), plain_continuation),
    "math-shepherd": (MathShepherd(), plain_math_shepherd),
}


@pytest.fixture(params=sorted(KINDS))
def kind(request):
    return KINDS[request.param]


def test_scores_are_the_likelihood_of_the_solution_so_far(folder, kind):
    format, plainly = kind
    found = loaded(folder, format).log_likelihoods(QUESTION, SOLUTIONS)
    calibration = Logistic(slope=0.01, intercept=0.4)
    scores = loaded(folder, format, calibration=calibration).scores(QUESTION, SOLUTIONS)
    for solution, log_likelihoods, row in zip(SOLUTIONS, found, scores, strict=True):
        expected = list(accumulate(plainly(folder, solution)))
        assert log_likelihoods == pytest.approx(expected, **CLOSE)
        assert row == pytest.approx([1 / (1 + math.exp(-0.4 - 0.01 * x)) for x in expected])
        assert all(a > b for a, b in pairwise(row))


def test_without_a_calibration_the_score_is_the_likelihood(folder):
    (scores,) = loaded(folder).scores(QUESTION, [("a", "\n")])
    expected = accumulate(plain_continuation(folder, ("a", "\n")))
    assert scores == pytest.approx([math.exp(x) for x in expected], rel=1e-3, abs=0)


def test_a_solution_that_grows_step_by_step_is_read_once(folder, kind):
    format, plainly = kind
    reward, alone = loaded(folder, format), loaded(folder, format, cache_tokens=0)
    whole = (ONE, TWO, ONE, THREE)
    for end in range(1, len(whole) + 1):
        particles = [whole[:end], (*whole[: end - 1], "another\n\n")]
        found = reward.log_likelihoods(QUESTION, particles)
        expected = alone.log_likelihoods(QUESTION, particles)
        for a, b in zip(found, expected, strict=True):
            assert a == pytest.approx(b, **CLOSE)
    (last,) = reward.log_likelihoods(QUESTION, [whole])
    assert last == pytest.approx(list(accumulate(plainly(folder, whole))), **CLOSE)
    assert reward.tokens < 0.7 * alone.tokens
    assert reward.passes == 2 * len(whole) + 1  # the question once for all


def test_batches_and_a_small_memory_change_nothing(folder, kind):
    format, _ = kind
    together = loaded(folder, format).log_likelihoods(QUESTION, SOLUTIONS)
    for changes in ({"batch_size": 1}, {"cache_tokens": 20}):
        reward = loaded(folder, format, **changes)
        reward.scores(QUESTION, [s[:1] for s in SOLUTIONS])
        for a, b in zip(together, reward.log_likelihoods(QUESTION, SOLUTIONS), strict=True):
            assert a == pytest.approx(b, **CLOSE)


def test_many_positions_are_normalised_in_parts(folder, monkeypatch):
    from potentials.reward_model import token_network

    expected = loaded(folder).log_likelihoods(QUESTION, SOLUTIONS)
    monkeypatch.setattr(token_network, "_AT_ONCE", 3)
    for a, b in zip(loaded(folder).log_likelihoods(QUESTION, SOLUTIONS), expected, strict=True):
        assert a == pytest.approx(b, **CLOSE)


def test_the_question_of_a_chat_is_a_turn(tmp_path):
    folder = made.rlhflow(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    turn = [{"role": "user", "content": QUESTION}]
    asked = tokenizer.apply_chat_template(turn, add_generation_prompt=True, return_dict=False)
    (found,) = loaded(folder, Continuation(chat=True)).log_likelihoods(turn, [(ONE, TWO)])
    expected = plain(folder, [asked, tokenizer.encode(ONE), tokenizer.encode(TWO)])
    assert found == pytest.approx(list(accumulate(expected)), **CLOSE)


def test_hostile_steps(folder, kind):
    """Special tokens are taken out; what is empty then has the likelihood 1 of no tokens."""
    reward = loaded(folder, kind[0])
    hostile = ("good ки + <eos>\n\n", "ки", "\ud800 <ext<eos>ra_0>", "")
    (scores,) = reward.scores(QUESTION, [hostile])
    assert len(scores) == 4 and all(0 <= s <= 1 for s in scores)
    if isinstance(kind[0], Continuation):
        (found,) = reward.log_likelihoods(QUESTION, [("<eos>", ONE, "<eos>")])
        (expected,) = reward.log_likelihoods(QUESTION, [(ONE,)])
        assert found == pytest.approx((0.0, expected[0], expected[0]), **CLOSE)
    assert reward.scores(QUESTION, [()]) == [()]


def test_what_does_not_fit_the_context_scores_nothing(tmp_path):
    folder = made.math_shepherd(tmp_path, "llama", max_position_embeddings=96)
    reward = loaded(folder, calibration=Logistic(0.01, 1.0))
    (scores,) = reward.scores(QUESTION, [(ONE, "cat " * 100 + "\n\n", TWO)])
    assert scores[0] > 0.1 and scores[1:] == (0.0, 0.0)


def test_a_small_sliding_window_is_read_whole(tmp_path):
    folder = made.math_shepherd(tmp_path, sliding_window=6)
    reward = loaded(folder)
    for end in range(1, 4):
        (found,) = reward.log_likelihoods(QUESTION, [SOLUTIONS[0][:end]])
    expected = accumulate(plain_continuation(folder, SOLUTIONS[0]))
    assert found == pytest.approx(list(expected), **CLOSE)


def test_a_telescoping_potential_of_it_is_the_likelihood(folder):
    """The target is the product of both models; the floor is far below the values here."""
    potential = Telescoping(loaded(folder), QUESTION, floor=1e-300)
    (expected,) = loaded(folder).log_likelihoods(QUESTION, [(ONE, TWO)])
    assert potential.prefix(ONE + TWO + "so") == pytest.approx(expected[-1], **CLOSE)


def test_a_logistic_function_of_a_log_likelihood():
    calibration = Logistic(slope=2.0, intercept=1.0)
    assert calibration(-0.5) == 0.5
    assert calibration(0.0) == pytest.approx(math.e / (1 + math.e))
    assert calibration(-math.inf) == 0.0 == calibration(-1e6)
    assert Logistic(1.0, 900.0)(0.0) == 1.0


@pytest.mark.parametrize(
    ("slope", "intercept"), [(0.0, 1.0), (-1.0, 0.0), (math.nan, 0.0), (1.0, math.inf)]
)
def test_a_calibration_rises(slope, intercept):
    with pytest.raises(SettingsError, match="expected a number above 0"):
        Logistic(slope, intercept)


def test_the_first_layers_alone(tmp_path):
    """As a plain model of which the later layers were never made."""
    folder = made.math_shepherd(tmp_path / "whole", "llama")
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.model.layers, model.config.num_hidden_layers = model.model.layers[:1], 1
    short = tmp_path / "short"
    model.save_pretrained(short)
    AutoTokenizer.from_pretrained(folder).save_pretrained(short)
    (found,) = loaded(folder, layers=1).log_likelihoods(QUESTION, [(ONE, TWO)])
    expected = list(accumulate(plain_continuation(short, (ONE, TWO))))
    assert found == pytest.approx(expected, **CLOSE)
    assert found != pytest.approx(loaded(folder).log_likelihoods(QUESTION, [(ONE, TWO)])[0])
    for layers in (0, 3):
        with pytest.raises(SettingsError, match="LlamaModel has 2 in `layers`"):
            loaded(folder, layers=layers)


def test_formats_and_models_of_another_kind_are_refused(folder):
    with pytest.raises(SettingsError, match="Classifier shows a solution in 2 texts"):
        loaded(folder, Classifier()).scores(QUESTION, [(ONE, TWO)])
    with pytest.raises(ModelError, match="chat template"):
        loaded(folder, Continuation(chat=True)).scores(QUESTION, [(ONE,)])
