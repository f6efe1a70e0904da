"""The networks of chosen depth of the arithmetic domain, and their training."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
import torch

import smc
from domains.arithmetic.splits import problems
from domains.arithmetic.steps import solve
from domains.arithmetic.train_depth import folder_of, main
from domains.arithmetic.training.depth import KINDS, LEVELS, DepthCorpus, DepthRun, DepthSetting
from domains.arithmetic.training.measure import accuracy
from smc.backends.depth.exits import Exit
from smc.backends.hf.loading import load_pretrained

TINY: dict[str, Any] = {
    "width": 16,
    "inner": 16,
    "head": 8,
    "rows": 1,
    "length": 128,
    "minutes": 1.0,
}


@pytest.fixture(scope="module")
def loaded():
    return {kind: load_pretrained(f"embedded:arithmetic-{kind}", device="cpu") for kind in KINDS}


def read(network, tokenizer, count=12):
    """Log probabilities of right solutions' tokens, all of them behind one another."""
    found = []
    for (_, problem), _ in zip(problems("test", 5, LEVELS), range(count), strict=False):
        prompt = tokenizer.encode(problem.text)
        ids = torch.tensor([[*prompt, *tokenizer.encode("".join(solve(problem)))]])
        with torch.inference_mode():
            found.append(network(ids).logits[0, len(prompt) - 1 :].log_softmax(-1))
    return torch.cat(found)


def test_they_are_of_equal_size_and_small(loaded):
    sizes = {kind: sum(p.numel() for p in n.parameters()) for kind, (n, _) in loaded.items()}
    assert max(sizes.values()) < 1.05 * min(sizes.values())
    for kind, (network, _) in loaded.items():
        assert network.dtype == torch.float32
        assert (folder_of(kind) / "model.safetensors").stat().st_size < 3e6
        facts = json.loads((folder_of(kind) / "training.json").read_text())
        assert facts["kind"] == kind
        assert facts["seconds"] == pytest.approx(60 * facts["minutes"], rel=0.05)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "loop"])
def test_easy_problems_are_mostly_right(loaded, kind):
    """Far under the cards' figures, on other problems; the loop had too few steps to learn it."""
    network, tokenizer = loaded[kind]
    assert (
        accuracy(network, tokenizer, split="test", prompts=20, seed=9, levels=(1,))["right_1"] > 0.4
    )


def test_another_first_state_makes_little_difference_to_deep_thought(loaded):
    """Of the divergence that a first state makes after one iteration, next to nothing is left."""
    network, tokenizer = loaded["recurrent"]
    other = network.copied()
    other.config.state_seed = 1
    found = {}
    for depth in (1, 32):
        one, two = (read(n.with_depth(depth), tokenizer) for n in (network, other))
        found[depth] = float((one.exp() * (one - two)).sum(-1).mean())
    assert found[32] < 0.1 * found[1]
    assert found[32] < 0.02


def test_iterations_bring_the_recurrent_one_to_rest(loaded):
    network, tokenizer = loaded["recurrent"]
    one, *more = (read(network.with_depth(d), tokenizer) for d in (1, 8, 16, 32))
    changes = [float((a.exp() * (a - b)).sum(-1).mean()) for a, b in itertools.pairwise(more)]
    far = float((more[-1].exp() * (more[-1] - one)).sum(-1).mean())
    assert max(changes) < far


def test_exits_change_little_and_spare_iterations(loaded):
    network, tokenizer = loaded["recurrent"]
    deep = network.with_depth(32)
    expected = read(deep, tokenizer)
    found = read(deep.with_exit(Exit("kl", 1e-3)), tokenizer)
    assert float((expected.exp() * (expected - found)).sum(-1).mean()) < 0.05
    ids = tokenizer("a=7+5;b=a*3;b?\n", return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        steps = deep.with_exit(Exit("kl", 1e-3))(ids).steps
    assert int(steps.min()) >= 2 and float(steps.float().mean()) < 32


def test_thresholds_were_measured(loaded):
    network, _ = loaded["inner-thinking"]
    for layer in range(3):
        for step in range(1, 4):
            quantiles = network.router(layer, step).quantiles
            assert (quantiles.diff() >= 0).all()
            assert not torch.equal(quantiles, torch.linspace(0, 1, len(quantiles)))


def test_they_solve_by_the_usual_interface():
    model = smc.load("embedded:arithmetic-recurrent", device="cpu", depth=8)
    result = smc.solve(
        model, "a=7+5;b=a-3;b?\n", budget=8, mark="\n", seed=0, settings={"depth": 4}
    )
    assert result.answer is not None and result.budget.model_tokens > 0


# Training


@pytest.mark.parametrize("kind", KINDS)
def test_training_lowers_the_loss_goes_on_and_exports(tmp_path, kind):
    setting = DepthSetting(kind=kind, **TINY)
    run = DepthRun(setting, DepthCorpus(setting), tmp_path / "work")
    source = run.corpus.batches(run.tokenizer, 0)
    run.model.train()
    batches = [next(source) for _ in range(12)]
    losses = [run.step(batch) for _ in range(6) for batch in batches]
    assert sum(losses[-12:]) < 0.8 * sum(losses[:12])
    run.save()
    again = DepthRun(setting, DepthCorpus(setting), tmp_path / "work")
    pairs = zip(run.model.parameters(), again.model.parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    again.export(tmp_path / "out")
    network, _ = load_pretrained(str(tmp_path / "out"), device="cpu")
    assert network.dtype == torch.float32
    for (name, one), other in zip(
        again.model.named_parameters(), network.parameters(), strict=True
    ):
        assert torch.equal(one.half().float(), other), name
    if kind == "inner-thinking":
        assert torch.equal(network.router(0, 1).quantiles, again.model.router(0, 1).quantiles)


def test_the_command_exports_to_a_folder_of_the_kind(tmp_path):
    arguments = [f"--{name}={value}" for name, value in {**TINY, "minutes": 0.01}.items()]
    out = tmp_path / "out"
    main(
        [
            "--kind",
            "loop",
            "--work",
            str(tmp_path / "w"),
            "--out",
            str(out),
            "--threads",
            "1",
            *arguments,
        ]
    )
    assert json.loads((out / "training.json").read_text())["kind"] == "loop"
    assert folder_of("inner-thinking").name == "depth_inner_thinking"


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="inner-thinking"):
        DepthSetting(kind="deep")
