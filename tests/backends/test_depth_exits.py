"""Early exits: caps and limits, what each criterion measures, and that they are causal."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

import smc
from smc.backends.depth.exits import Criterion, Exit, change
from smc.backends.hf.decoding import RecomputedDecoding
from smc.errors import SettingsError
from tests.backends.depth_models import ids_of, recurrent
from tests.models import byte_level_tokenizer

CRITERIA = get_args(Criterion)


def run(network, ids):
    with torch.no_grad():
        return network(ids)


@pytest.mark.parametrize("criterion", CRITERIA)
@pytest.mark.parametrize("cap", [1, 2, 6])
def test_no_token_thinks_beyond_the_cap_or_stops_before_two(criterion, cap):
    network, ids = recurrent().with_depth(cap), ids_of()
    steps = run(network.with_exit(Exit(criterion)), ids).steps
    assert int(steps.max()) <= cap
    assert int(steps.min()) >= min(cap, 2)
    never = Exit(criterion, math.inf if criterion == "argmax" else 0.0)
    out = run(network.with_exit(never), ids)
    assert (out.steps == cap).all()
    torch.testing.assert_close(out.logits, run(network, ids).logits)
    at_once = Exit(criterion, 0.0 if criterion == "argmax" else math.inf)
    assert (run(network.with_exit(at_once), ids).steps == min(cap, 2)).all()


def test_least_iterations_are_kept():
    network = recurrent().with_depth(6).with_exit(Exit("kl", math.inf, least=4))
    assert (run(network, ids_of()).steps == 4).all()


@pytest.mark.parametrize("criterion", CRITERIA)
def test_tokens_stop_apart_and_none_looks_ahead(criterion):
    network, ids = recurrent().with_depth(12), ids_of(3, 14)
    limit = {"latent": 0.3, "cosine": 0.02, "argmax": 3.0}.get(criterion)
    if limit is None:  # between the changes of two tokens, where rounding decides nothing
        with torch.no_grad():
            outs = [network.with_depth(k)(ids).logits.log_softmax(-1) for k in (2, 3)]
        low, high = change(criterion, *outs).flatten().sort().values[20:22].tolist()
        limit = (low + high) / 2
    network = network.with_exit(Exit(criterion, limit))
    whole = run(network, ids)
    assert len(whole.steps.unique()) > 1
    part = run(network, ids[:, :7])
    assert torch.equal(part.steps, whole.steps[:, :7])
    torch.testing.assert_close(part.logits, whole.logits[:, :7], atol=1e-3, rtol=0)


def test_what_the_criteria_measure():
    before = torch.tensor([[0.7, 0.2, 0.1]]).log()
    now = torch.tensor([[0.6, 0.36, 0.04]]).log()
    kl = 0.6 * math.log(6 / 7) + 0.36 * math.log(1.8) + 0.04 * math.log(0.4)
    assert float(change("kl", before, now)) == pytest.approx(kl, rel=1e-5)
    sparse = torch.tensor([[0.75, 0.2, 0.05]]).log()  # the last is under a tenth of the first
    p, q = (0.75 / 0.95, 0.2 / 0.95), (0.6 / 0.96, 0.36 / 0.96)
    kept = sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
    assert float(change("min_p_kl", sparse, now)) == pytest.approx(kept, rel=1e-4)
    entropies = [-sum(p * math.log(p) for p in row.exp()[0].tolist()) for row in (before, now)]
    expected = abs(entropies[1] - entropies[0])
    assert float(change("entropy", before, now)) == pytest.approx(expected, rel=1e-4)
    one, other = torch.tensor([[3.0, 4.0]]), torch.tensor([[3.0, 5.0]])
    assert float(change("latent", one, other)) == pytest.approx(1 / math.sqrt(34))
    assert float(change("cosine", one, other)) == pytest.approx(
        1 - 29 / (5 * math.sqrt(34)), abs=1e-6
    )


@pytest.mark.filterwarnings("ignore:.*every step is recomputed")
def test_models_that_exit_are_recomputed_and_right():
    tokenizer = byte_level_tokenizer()
    network = recurrent(vocab_size=len(tokenizer)).with_depth(8).with_exit(Exit("latent", 0.3))
    model = smc.TransformersModel(network, tokenizer, eos_ids=[0])
    decoding = model.start(["the cat", "a"], model.vocabulary, 5)
    assert type(decoding) is RecomputedDecoding
    for row, prompt in enumerate(("the cat", "a")):
        ids = torch.tensor([tokenizer(prompt)["input_ids"]])
        expected = run(network, ids).logits[0, -1].log_softmax(-1)
        found = torch.from_numpy(decoding.log_probs()[row]).float()
        torch.testing.assert_close(found[1:], expected[1:], atol=2e-3, rtol=0)


@pytest.mark.parametrize(
    "arguments", [("kl", -1.0), ("kl", math.nan), ("kl", 1e-3, 1), ("loss",)], ids=str
)
def test_wrong_rules_are_refused(arguments):
    with pytest.raises(SettingsError, match="exit"):
        Exit(*arguments)
