"""Networks that change while they answer: gradients, updates, and the way back."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import smc
from smc.backends.adapting import (
    FeedbackTuning,
    LowRankAdapter,
    PredictedUpdates,
    UpdateNetwork,
)
from smc.backends.adapting.captured import capture, row_losses, updated
from smc.backends.adapting.predicted import adapted_layers, load_updates, save_updates
from smc.backends.adapting.projections import projections, sizes
from smc.backends.adapting.turns import turn_ids
from smc.errors import ModelError, PromptError
from smc.strategies import Options
from smc.strategies.adaptable import Adapted
from smc.strategies.feedback_trials import feedback_trials
from smc.strategies.writing import TokenWriter
from tests.models import byte_level_tokenizer, tiny_model
from tests.step_worlds import Judge

QUESTION, ATTEMPT, WRONG = "the cat sat on", " the mat, and", "Your answer is incorrect."
TEMPLATE = (
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)


@pytest.fixture(scope="module")
def model():
    """Untied, so that a gradient at an embedding is one of the inputs alone."""
    tokenizer = byte_level_tokenizer()
    network = tiny_model("llama", len(tokenizer), tie_word_embeddings=False)
    return smc.TransformersModel(network, tokenizer)


def logits(model) -> torch.Tensor:
    ids = torch.tensor([model.encode(QUESTION, 1)])
    with torch.no_grad():
        return model.model(input_ids=ids).logits


def weights(model) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.model.named_parameters()}


# ---- low-rank adapters


def test_a_fresh_adapter_changes_nothing_and_starts_alike(model):
    before = logits(model)
    adapter = LowRankAdapter(projections(model.model))
    adapter.start()
    assert torch.equal(logits(model), before)
    first = [p.detach().clone() for p in adapter.parameters]
    assert [tuple(p.shape) for p in first[:2]] == [(4, 32), (32, 4)]
    adapter.start()
    assert all(torch.equal(a, b) for a, b in zip(first, adapter.parameters, strict=True))
    adapter.remove()
    assert adapter.parameters == []


def test_an_adapter_is_the_sum_of_its_matrices(model):
    """y = (W + (α/r) B A) x, compared with a network whose weights are so."""
    layers = projections(model.model)
    adapter = LowRankAdapter(layers, rank=3, alpha=6.0)
    adapter.start()
    merged = copy.deepcopy(model.model)
    generator = torch.Generator().manual_seed(5)
    for k, place in enumerate(layers):
        a, b = adapter.parameters[2 * k : 2 * k + 2]
        with torch.no_grad():
            b.copy_(torch.randn(b.shape, generator=generator))
            layer = merged.get_submodule(place)
            layer._forward_hooks.clear()
            layer.weight += 2.0 * (b @ a)
    ids = torch.tensor([model.encode(QUESTION, 1)])
    with torch.no_grad():
        assert torch.allclose(logits(model), merged(input_ids=ids).logits, atol=1e-4)
    adapter.remove()


def test_dropout_acts_in_training_alone(model):
    adapter = LowRankAdapter(projections(model.model), dropout=0.5)
    adapter.start()
    with torch.no_grad():
        for b in adapter.parameters[1::2]:
            b.fill_(0.1)
    steady = logits(model)
    assert torch.equal(logits(model), steady)
    adapter.training = True
    assert not torch.equal(logits(model), steady)
    adapter.training = False
    adapter.remove()


def test_a_network_without_such_layers_is_refused():
    with pytest.raises(ModelError, match="q_proj"):
        projections(nn.Sequential(nn.Linear(2, 2)))
    with pytest.raises(ModelError, match="a linear one"):
        sizes(nn.LayerNorm(3))


# ---- FTTT


def test_reset_restores_the_logits_bit_for_bit(model):
    before, kept = logits(model), weights(model)
    tuning = FeedbackTuning(model, rate=0.05)
    for _ in range(3):
        assert tuning.learn(QUESTION, ATTEMPT, [WRONG]) > 0
    changed = logits(model)
    assert not torch.equal(changed, before)
    with tuning.paused():
        assert torch.equal(logits(model), before)
    assert torch.equal(logits(model), changed)
    tuning.reset()
    assert torch.equal(logits(model), before)
    assert all(torch.equal(p, kept[n]) for n, p in model.model.named_parameters())
    assert all(p.grad is None for p in model.model.parameters())


def test_learning_lowers_the_loss_of_the_feedback(model):
    tuning = FeedbackTuning(model, rate=0.01, dropout=0.0)
    turns = [turn_ids(model, QUESTION, ATTEMPT, WRONG)]
    tuning.learn(QUESTION, ATTEMPT, [WRONG])
    losses = [tuning.loss(turns).item()]
    for _ in range(5):
        tuning.learn(QUESTION, ATTEMPT, [WRONG])
        losses.append(tuning.loss(turns).item())
    assert losses == sorted(losses, reverse=True)
    tuning.reset()


def test_the_loss_is_that_of_the_feedback_behind_question_and_answer(model):
    """With a cache or without: the same numbers; several feedbacks add up."""
    tuning = FeedbackTuning(model)
    turns = [turn_ids(model, QUESTION, ATTEMPT, text) for text in (WRONG, "Add again.")]
    expected = 0.0
    for before, after in turns:
        ids = torch.tensor([[*before, *after]])
        with torch.no_grad():
            read = model.model(input_ids=ids).logits[0, len(before) : -1]
        expected += functional.cross_entropy(read, torch.tensor(after[1:])).item()
    assert tuning.loss(turns).item() == pytest.approx(expected, rel=1e-4)


def test_no_gradient_runs_through_the_question_and_the_answer(model):
    """Of the inputs' embeddings only the feedback's get one; of a whole pass, all would."""
    before, after = turn_ids(model, QUESTION, ATTEMPT, WRONG)
    earlier = sorted(set(before) - set(after))
    assert earlier and set(after) - set(before)
    tuning = FeedbackTuning(model)
    embedding = model.model.get_input_embeddings().weight
    (gradient,) = torch.autograd.grad(tuning.loss([(before, after)]), embedding)
    assert gradient[earlier].abs().max() == 0
    assert gradient[sorted(set(after))].abs().max() > 0
    whole = torch.tensor([[*before, *after]])
    read = model.model(input_ids=whole).logits[0, len(before) : -1]
    loss = functional.cross_entropy(read, torch.tensor(after[1:]))
    (through_all,) = torch.autograd.grad(loss, embedding)
    assert through_all[earlier].abs().max() > 0  # the negative control


def test_two_problems_in_either_order_give_the_same(model):
    learner = FeedbackTuning(model, rate=0.05)
    adapted = Adapted(TokenWriter(model, max_tokens=12), learner)
    never = Judge(lambda text: 0.0)

    def texts(question: str) -> list[str]:
        result = feedback_trials(adapted, question, never, num_solutions=3, options=Options(seed=1))
        return [t.text for t in result.trajectories]

    questions = ("the cat sat on", "one two three")
    forwards = [texts(q) for q in questions]
    backwards = [texts(q) for q in reversed(questions)]
    assert forwards == backwards[::-1]


def test_what_was_read_of_a_prompt_is_read_again_after_learning():
    """Keys and values of a long prompt are kept between calls, and are wrong once it has learnt."""
    tokenizer = byte_level_tokenizer()
    model = smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    prompt = "the cat sat on the mat, and the dog did not. " * 4
    assert 64 < len(model.encode(prompt, 1)) < 100
    learner = FeedbackTuning(model, rate=0.05)
    writer = TokenWriter(model, max_tokens=12)

    def drawn(writing: TokenWriter) -> list[str]:
        rngs = [np.random.default_rng(s) for s in range(8)]
        return [t.text for t in writing.write([prompt] * 8, rngs=rngs)]

    first = drawn(writer)
    learner.learn(prompt, ATTEMPT, ["No."])
    taught = drawn(writer)
    model.prefixes.clear()
    assert drawn(writer) == taught != first
    learner.reset()
    assert drawn(writer) == first


def test_feedback_is_a_turn_of_a_chat():
    tokenizer = byte_level_tokenizer()
    tokenizer.chat_template = TEMPLATE
    model = smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
    question = [{"role": "user", "content": "1+1?"}]
    for prompt in (question, smc.Chat(question)):
        before, after = turn_ids(model, prompt, "3", "No.")
        assert tokenizer.decode(before) == "<user>1+1?\n<assistant>3\n"
        assert tokenizer.decode(after) == "<user>No.\n"
    before, after = turn_ids(model, "1+1?", "3", "No.")
    assert tokenizer.decode(before) == "1+1?3" and tokenizer.decode(after) == "\n\nNo."
    with pytest.raises(PromptError, match="context"):
        turn_ids(model, "1+1?", "3", "No. " * 200)


# ---- OpTune


def batch(model, *texts: str) -> tuple[torch.Tensor, torch.Tensor]:
    rows = [model.encode(text, 1) for text in texts]
    width = max(map(len, rows))
    ids = torch.tensor([[*r, *([0] * (width - len(r)))] for r in rows])
    mask = torch.tensor([[1] * len(r) + [0] * (width - len(r)) for r in rows])
    return ids, mask


def test_the_update_of_one_linear_layer_is_its_gradient():
    """ΔW has W's shape, and Σ δ uᵀ is what autograd says of W."""
    torch.manual_seed(0)
    layer = nn.Linear(5, 3, bias=False)
    u = torch.randn(2, 7, 5)
    out = layer(u)
    loss = (out.tanh().square() * torch.randn(2, 7, 3)).sum()
    delta, gradient = torch.autograd.grad(loss, [out, layer.weight])
    network = UpdateNetwork({"w": (5, 3)}, rate=1.0).eval()
    with torch.no_grad():
        update = network.update("w", u, delta)
    assert update.shape == (2, 3, 5)
    assert torch.allclose(update.sum(0), -gradient, atol=1e-5)
    mask = torch.tensor([[1] * 7, [0] * 7])
    with torch.no_grad():
        assert torch.allclose(network.update("w", u, delta, mask)[0], update[0])
        assert not network.update("w", u, delta, mask)[1].any()


def test_without_training_it_is_a_step_of_gradient_descent(model):
    """On the loss of all tokens, for every matrix: λ and nothing else lies between."""
    layers = adapted_layers(model.model)
    ids, mask = batch(model, f"{QUESTION}{ATTEMPT}\n\n{WRONG}")
    found = capture(model.model, layers, ids, mask)
    matrices = [layer.weight for layer in layers.values()]
    read = model.model(input_ids=ids).logits[0, :-1]
    gradients = torch.autograd.grad(functional.cross_entropy(read, ids[0, 1:]), matrices)
    network = UpdateNetwork({at: sizes(layer) for at, layer in layers.items()}, rate=0.5).eval()
    for place, gradient in zip(layers, gradients, strict=True):
        with torch.no_grad():
            update = network.update(place, found[place].inputs, found[place].gradients)
        assert update[0].shape == gradient.shape
        assert torch.allclose(update[0], -0.5 * gradient, atol=1e-6 + 1e-4 * gradient.abs().max())


def test_rows_of_a_batch_are_captured_as_alone(model):
    layers = adapted_layers(model.model)
    texts = ("the cat sat", "one two three four five six")
    together = capture(model.model, layers, *batch(model, *texts))
    for r, text in enumerate(texts):
        alone = capture(model.model, layers, *batch(model, text))
        for place, seen in alone.items():
            length = seen.inputs.shape[1]
            for name in ("inputs", "gradients"):
                ours, own = getattr(together[place], name)[r], getattr(seen, name)[0]
                assert torch.allclose(ours[:length], own, atol=1e-5)
            assert not together[place].gradients[r, length:].any()


def test_an_update_beside_the_layer_is_one_inside(model):
    layers = adapted_layers(model.model)
    assert len(layers) == 4
    torch.manual_seed(1)
    updates = {at: 0.05 * torch.randn(1, *layer.weight.shape) for at, layer in layers.items()}
    merged = copy.deepcopy(model.model)
    ids, mask = batch(model, "the cat sat", "one two three four")
    with torch.no_grad():
        for place, update in updates.items():
            merged.get_submodule(place).weight += update[0]
        with updated(layers, updates):
            beside = row_losses(model.model, ids, mask, mask[:, 1:])
        assert torch.allclose(beside, row_losses(merged, ids, mask, mask[:, 1:]), atol=1e-4)
        plain = row_losses(model.model, ids, mask, mask[:, 1:])
    assert not torch.allclose(beside, plain, atol=1e-3)


def test_running_statistics_are_those_of_all_rows():
    torch.manual_seed(2)
    network = UpdateNetwork({"w": (4, 3)})
    rows = torch.randn(100, 7) * 3 + 1
    for part in rows.split(13):
        network.observe("w", part[:, :4], part[:, 4:])
    (transform,) = network.transforms.values()
    normalised = transform(rows).detach()  # the transform's own part is zero at the start
    assert torch.allclose(normalised.mean(0), torch.zeros(7), atol=1e-5)
    assert torch.allclose(normalised.std(0), torch.ones(7), atol=1e-4)


def test_the_network_learns_updates_that_help(model):
    """Trained on one right solution, its update makes that solution likelier."""
    layers = adapted_layers(model.model)
    torch.manual_seed(3)
    network = UpdateNetwork({at: sizes(layer) for at, layer in layers.items()}, rate=1e-3)
    found = capture(model.model, layers, *batch(model, f"{QUESTION}{ATTEMPT}\n\n{WRONG}"))
    ids, mask = batch(model, f"{QUESTION} def f(x):")
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(12):
        updates = {at: network.update(at, s.inputs, s.gradients) for at, s in found.items()}
        with updated(layers, updates):
            loss = row_losses(model.model, ids, mask, mask[:, 1:]).sum()
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.model.zero_grad()
    assert losses[-1] < losses[0] - 0.5


def learner_of(model, rate: float = 1.0) -> PredictedUpdates:
    layers = adapted_layers(model.model)
    shapes = {at: sizes(layer) for at, layer in layers.items()}
    return PredictedUpdates(model, UpdateNetwork(shapes, rate=rate))


def test_attempts_alternate_and_updates_do_not_add_up(model):
    before, learner = logits(model), learner_of(model)
    assert learner.learn(QUESTION, ATTEMPT, [WRONG]) > 0
    first = logits(model)
    assert not torch.equal(first, before)
    with learner.paused():
        assert torch.equal(logits(model), before)
    assert torch.equal(logits(model), first)
    assert learner.learn(QUESTION, " something else", [WRONG]) == 0  # of an attempt with it
    assert torch.equal(logits(model), before)
    learner.learn(QUESTION, ATTEMPT, [WRONG])
    assert torch.equal(logits(model), first)
    learner.reset()
    assert torch.equal(logits(model), before)
    assert learner.passes == 2


def test_an_update_network_is_read_as_it_was_written(model, tmp_path):
    learner_shapes = {at: sizes(layer) for at, layer in adapted_layers(model.model).items()}
    network = UpdateNetwork(learner_shapes, rank=3)
    torch.manual_seed(4)
    for place in network.places:
        i, o = network.shapes[place]
        network.observe(place, torch.randn(9, i), torch.randn(9, o))
    save_updates(network, tmp_path / "net", {"note": "a test"})
    again = load_updates(tmp_path / "net")
    assert again.shapes == network.shapes
    for name, value in network.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    with pytest.raises(ModelError, match="none"):
        load_updates(tmp_path)
    with pytest.raises(ModelError, match="made for the matrices"):
        PredictedUpdates(model, UpdateNetwork({"w": (2, 3)}))
