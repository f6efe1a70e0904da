"""Shared prefixes of the transformers backend: exact, read once, stored once, bounded."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import smc
from smc.backends.hf import attention_kernels, prefill, shared_attention
from smc.backends.hf.prefix_tree import PrefixNode, PrefixTree, tree_of
from smc.backends.hf.shared_attention import ATTENTION
from smc.backends.transformers import TransformersModel
from smc.model import HOLD
from tests.backends.small_world import (
    CHANGES,
    PADDED,
    check_draws,
    check_unbiased,
    small_llama,
    tables_of,
)
from tests.backends.test_blocks import random_block
from tests.backends.test_transformers import assert_close, plain_log_probs, random_walk, start
from tests.models import byte_level_tokenizer, tiny_model

SHARING = ("llama", "gpt2", "qwen2", "recurrent", "inner_thinking")
RNG = np.random.default_rng(40)
HEAD = tuple(RNG.integers(1, 300, 30).tolist())
PROMPTS = ((*HEAD, 5, 6, 7), (*HEAD, *RNG.integers(1, 300, 25).tolist()), (3, 4), (*HEAD, 5, 6, 7))


@pytest.fixture(autouse=True)
def short_prompts_share(monkeypatch):
    monkeypatch.setattr(prefill, "LEAST_SHARED", 8)


def network_of(family, **changes):
    import transformers

    if family != "qwen2":
        return tiny_model(family, 320, **changes)
    config = transformers.Qwen2Config(
        vocab_size=320,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=0,
        **changes,
    )
    torch.manual_seed(0)
    return transformers.Qwen2ForCausalLM(config).eval()


@pytest.fixture
def model_of():
    tokenizer = byte_level_tokenizer()
    return lambda family, **changes: TransformersModel(network_of(family, **changes), tokenizer)


def passes_of(model, monkeypatch):
    """The tokens of every forward pass from here on."""
    sizes, original = [], model._model.forward

    def counted(*args, **kwargs):
        sizes.append(tuple(kwargs["input_ids"].shape))
        return original(*args, **kwargs)

    monkeypatch.setattr(model._model, "forward", counted)
    return sizes


# Exactness


@pytest.mark.parametrize("hold", [0.0, 0.3], ids=["no_holds", "holds"])
@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "several"])
@pytest.mark.parametrize("family", SHARING)
def test_any_walk_equals_plain_passes(model_of, family, prompts, hold):
    model = model_of(family)
    decoding = start(model, prompts)
    assert decoding._prefixes.shared
    assert_close(decoding.log_probs(), plain_log_probs(model, prompts))
    for rows in random_walk(np.random.default_rng(7), decoding, list(prompts), 12, hold):
        assert_close(decoding.log_probs(), plain_log_probs(model, rows))


@pytest.mark.parametrize("hold", [False, True], ids=["no_holds", "holds"])
@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "several"])
@pytest.mark.parametrize("family", SHARING)
def test_blocks_equal_plain_passes(model_of, family, prompts, hold):
    model = model_of(family)
    decoding, rows = start(model, prompts), list(prompts)
    rng = np.random.default_rng(8)
    for _ in range(5):
        parents, tokens = random_block(rng, rows, hold, (1, 300))
        log_probs = decoding.extend(parents, tokens)
        old, rows = rows, []
        for parent, block, values in zip(parents, tokens, log_probs, strict=True):
            row = old[parent]
            for token, value in zip(block.tolist(), values, strict=True):
                if token != HOLD:
                    assert_close(value, plain_log_probs(model, [row])[0][token])
                    row = (*row, token)
            rows.append(row)
        assert_close(decoding.log_probs(), plain_log_probs(model, rows))


@pytest.mark.parametrize("family", SHARING)
def test_rows_join_and_leave(model_of, family):
    """Prompts that share something, and one that does not, at any time; the long ones leave."""
    model = model_of(family)
    rng = np.random.default_rng(9)
    decoding, rows = start(model, PROMPTS[:1]), list(PROMPTS[:1])
    for turn in range(12):
        if turn % 2:
            prompts = [PROMPTS[i] for i in rng.integers(0, 4, 2)]
            assert decoding.join(start(model, prompts))
            rows += prompts
        else:
            parents = rng.integers(0, len(rows), 5)
            tokens = rng.integers(1, 300, 5)
            tokens[rng.random(5) < 0.3] = HOLD
            decoding.advance(parents, tokens)
            rows = [
                rows[p] if t == HOLD else (*rows[p], int(t))
                for p, t in zip(parents, tokens, strict=True)
            ]
        assert_close(decoding.log_probs(), plain_log_probs(model, rows))
    short = [r for r, row in enumerate(rows) if row[:2] == (3, 4)]
    assert short
    decoding.advance(np.array(short), np.full(len(short), 9))
    assert not decoding._prefixes.shared, "what no row has is let go"
    expected = plain_log_probs(model, [(*rows[r], 9) for r in short])
    assert_close(decoding.log_probs(), expected)


@pytest.mark.parametrize("changes", CHANGES[1:3], ids=str)
def test_unbiased_over_shared_prefixes(monkeypatch, changes):
    """The engine against enumeration, each prompt's tokens but the last being shared."""
    monkeypatch.setattr(prefill, "LEAST_SHARED", 1)
    network = small_llama()
    model = smc.TransformersModel(network, None, vocabulary=PADDED)
    check_unbiased(model, tables_of(network), changes)
    check_draws(model, tables_of(network))
    assert tree_of(network, 1).works


def test_bfloat16_agrees_with_itself_whole(model_of):
    model = model_of("llama", dtype=torch.bfloat16)
    model._model.bfloat16()
    decoding = start(model, PROMPTS)
    *_, rows = random_walk(np.random.default_rng(3), decoding, list(PROMPTS), 6, 0.2)
    ours, plain = decoding.log_probs(), plain_log_probs(model, rows)
    finite = np.isfinite(plain)
    assert decoding._prefixes.shared
    assert np.sqrt(np.mean((ours - plain)[finite] ** 2)) < 0.05 * plain[finite].std()


def test_attention_over_parts_is_attention_over_all():
    """Many rows, groups of heads, a mask, a block: against softmax over the columns together."""
    torch.manual_seed(1)
    rows, heads, groups, width, own, long = 5, 2, 3, 4, 9, 33
    query = torch.randn(rows, heads * groups, width, 16)
    key, value = torch.randn(2, rows, heads, own, 16)
    keys, values = torch.randn(2, 1, heads, long, 16)
    mask = (torch.rand(rows, own) < 0.6).long()
    mask[2] = 0  # only its own columns are left to it
    members = torch.tensor([0, 2, 3])
    segment = shared_attention.Segment([keys], [values], members)
    shared = shared_attention.SharedPass([segment], mask, width, own)
    module = torch.nn.Identity()
    module.layer_idx = 0
    out, _ = shared_attention.attend(module, query, key, value, None, shared=shared)
    before = torch.arange(own) <= torch.arange(own - width, own)[:, None]
    same = torch.arange(own) == torch.arange(own - width, own)[:, None]
    for r in range(rows):
        visible = (mask[r].bool() & before) | same
        k, v = key[r], value[r]
        if r in members:
            k, v = torch.cat([keys[0], k], 1), torch.cat([values[0], v], 1)
            visible = torch.cat([torch.ones(width, long, dtype=torch.bool), visible], 1)
        k, v = (t.repeat_interleave(groups, 0) for t in (k, v))
        scores = (query[r] @ k.transpose(1, 2) / 4).masked_fill(~visible, -torch.inf)
        expected = (scores.softmax(-1) @ v).transpose(0, 1)
        torch.testing.assert_close(out[r], expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("queries", [1, 70], ids="{} queries".format)
@pytest.mark.parametrize("spread", [1, 4], ids="spread {}".format)
def test_a_long_prefix_in_bfloat16_is_attended_to_within_rounding(queries, spread, monkeypatch):
    """All scores at once, against float32 over the same numbers; block by block no better."""
    torch.manual_seed(2)
    query = (spread * torch.randn(1, 2, queries, 32)).to(torch.bfloat16)
    keys, values = torch.randn(2, 1, 2, 700, 32).to(torch.bfloat16)
    scores = (query.float() @ keys.float().transpose(2, 3)) * 0.3
    expected = scores.softmax(-1) @ values.float(), scores.logsumexp(-1)
    assert attention_kernels._are_many(query.dtype, 700, 2 * queries)
    for least in (1, 10_000):
        monkeypatch.setattr(attention_kernels, "_LONG", least)
        mean, log_z = attention_kernels.attention(query, keys, values, None, 0.3)
        assert mean.dtype == log_z.dtype == torch.float32
        size = scores.abs().max().item()
        torch.testing.assert_close(log_z, expected[1], rtol=0, atol=2**-8 * size)
        error = (mean - expected[0]).square().mean().sqrt() / expected[0].square().mean().sqrt()
        assert error < 2**-8 * size / 2


@pytest.mark.parametrize("width", [1, 3], ids="{} columns at once".format)
@pytest.mark.parametrize("lengths", [(700,), (600, 40)], ids=str)
def test_what_all_rows_see_stands_under_one_softmax_with_their_own(width, lengths, monkeypatch):
    """In bfloat16, with a mask: against float32 over all columns; part by part is no better."""
    torch.manual_seed(3)
    rows, heads, groups, own = 5, 2, 3, 9
    query = 2 * torch.randn(rows, heads * groups, width, 16).to(torch.bfloat16)
    key, value = torch.randn(2, rows, heads, own, 16).to(torch.bfloat16)
    segments = [
        shared_attention.Segment(*torch.randn(2, 1, 1, heads, n, 16).bfloat16(), None)
        for n in lengths
    ]
    mask = (torch.rand(rows, own) < 0.6).long()
    mask[:, -width:] = 1
    keys = torch.cat([*(s.keys[0].expand(rows, -1, -1, -1) for s in segments), key], 2).float()
    values = torch.cat([*(s.values[0].expand(rows, -1, -1, -1) for s in segments), value], 2)
    keys, values = (t.repeat_interleave(groups, 1) for t in (keys, values.float()))
    before = torch.arange(own) <= torch.arange(own - width, own)[:, None]
    visible = (mask[:, None].bool() & before)[:, None]
    visible = torch.cat([visible.new_ones(rows, 1, width, sum(lengths)), visible], -1)
    scores = (query.float() @ keys.transpose(2, 3) / 4).masked_fill(~visible, -torch.inf)
    expected = (scores.softmax(-1) @ values).transpose(1, 2)
    module = torch.nn.Identity()
    module.layer_idx = 0
    calls, errors = [], []
    one = attention_kernels.in_one
    monkeypatch.setattr(shared_attention, "in_one", lambda *a: calls.append(1) or one(*a))
    for least in (1, 10_000):
        monkeypatch.setattr(attention_kernels, "_LONG", least)
        shared = shared_attention.SharedPass(segments, mask, width, own)
        out, _ = shared_attention.attend(module, query, key, value, None, shared=shared)
        assert out.dtype == torch.bfloat16 and shared.layers_done == 1
        difference = (out - expected).square().mean().sqrt()
        errors.append((difference / expected.square().mean().sqrt()).item())
    assert len(calls) == 1
    size = scores[scores > -torch.inf].abs().max().item()
    assert max(errors) < 2**-8 * size / 2


# Who shares


@pytest.mark.parametrize("family", ["mistral", "gpt_neo", "bloom"])
def test_networks_that_cannot_share_say_so_and_are_right(model_of, family, caplog):
    model = model_of(family)
    decoding = start(model, PROMPTS)
    assert "cannot share" in caplog.text
    assert model._model.config._attn_implementation != ATTENTION
    *_, rows = random_walk(np.random.default_rng(2), decoding, list(PROMPTS), 5, 0.2)
    assert_close(decoding.log_probs(), plain_log_probs(model, rows))
    start(model, PROMPTS)
    assert caplog.text.count("cannot share") == 1


def test_a_network_whose_attention_comes_out_wrong_does_not_share(model_of, monkeypatch, caplog):
    """The negative control of the trial."""
    plain = shared_attention.merged
    monkeypatch.setattr(
        shared_attention, "merged", lambda one, other: plain(one, (other[0], other[1] + 0.3))
    )
    model = model_of("llama")
    decoding = start(model, PROMPTS)
    assert "cannot share" in caplog.text
    assert model._model.config._attn_implementation == "sdpa"
    assert_close(decoding.log_probs(), plain_log_probs(model, PROMPTS))


def test_attention_that_was_asked_for_is_kept(model_of, caplog):
    model = model_of("llama")
    model._model.set_attn_implementation("eager")
    decoding = start(model, PROMPTS)
    assert "cannot share" in caplog.text
    assert model._model.config._attn_implementation == "eager"
    assert_close(decoding.log_probs(), plain_log_probs(model, PROMPTS))


def test_attention_that_is_changed_under_a_run_raises(model_of):
    model = model_of("llama")
    decoding = start(model, PROMPTS)
    model._model.set_attn_implementation("sdpa")
    with pytest.raises(smc.ModelError, match="0 of 2 layers"):
        decoding.advance(np.array([0]), np.array([5]))


def test_the_network_goes_on_as_before_elsewhere(model_of):
    model = model_of("llama")
    ids = torch.tensor([PROMPTS[1], PROMPTS[1][::-1]])
    mask = torch.ones_like(ids)
    mask[0, :9] = 0
    with torch.no_grad():
        before = model._model(ids, attention_mask=mask).logits
        start(model, PROMPTS)
        after = model._model(ids, attention_mask=mask).logits
    torch.testing.assert_close(before[:, 9:], after[:, 9:], rtol=0, atol=0)


# What is read, and what is stored


def test_a_common_beginning_is_read_once(model_of, monkeypatch):
    model = model_of("llama")
    start(model, PROMPTS[2:3] * 2)
    start(model, [tuple(range(9, 40))])  # whether it can share has been tried
    sizes = passes_of(model, monkeypatch)
    start(model, PROMPTS)
    assert sizes == [(1, 30), (1, 24), (3, 3)], "the head, a long rest, what is each row's own"
    sizes.clear()
    start(model, [(*HEAD, 8, 9, 10, 11)])
    assert sizes == [(1, 1), (1, 4)], "a token to see that the head still holds, and the rest"
    sizes.clear()
    start(model, [PROMPTS[1]] * 3)
    assert sizes == [(1, 1), (1, 1)]


def test_models_of_one_network_read_for_each_other(model_of, monkeypatch):
    model = model_of("llama")
    start(model, PROMPTS)
    hot = TransformersModel(model._model, model._tokenizer, temperature=2.0)
    sizes = passes_of(model, monkeypatch)
    start(hot, PROMPTS[:1])
    assert sizes == [(1, 1), (1, 3)]


@pytest.mark.parametrize("seen", [True, False], ids=["a step of training", "behind torch's back"])
def test_weights_that_change_are_noticed(model_of, seen):
    model = model_of("llama")
    start(model, PROMPTS)
    weight = model._model.model.layers[1].self_attn.v_proj.weight
    with torch.no_grad():
        if seen:
            weight += 1e-6 * torch.randn_like(weight)
        else:
            weight.data[0, 0] += 0.5
    old = tree_of(model._model, 8)._top[0]
    decoding = start(model, PROMPTS)
    assert_close(decoding.log_probs(), plain_log_probs(model, PROMPTS))
    assert tree_of(model._model, 8)._top[0] is not old


def test_rows_store_a_prompt_once(model_of):
    """Keys and values of 128 rows: the prompt, and what they wrote themselves."""
    model = model_of("llama")
    stored = {}
    for count in (1, 128):
        decoding = start(model, [PROMPTS[1]])
        decoding.advance(np.zeros(count, dtype=np.int64), np.arange(count) % 200 + 1)
        segments = decoding._prefixes.segments
        stored[count] = sum(t.numel() for s in segments for t in (*s.keys, *s.values))
        assert decoding._cache.layers[0].keys.shape[2] == 2
    assert stored[128] == stored[1] == 2 * 2 * 2 * 8 * (len(PROMPTS[1]) - 1)


def test_128_rows_hold_at_most_twice_the_bytes_of_one_and_what_they_wrote(model_of):
    """Measured in bytes, after a walk in which all rows part.

    What each row has to itself besides, the prompt's last token, is in the first half.
    """
    model, length, steps, bytes_of = model_of("qwen2"), 200, 6, {}
    for count in (1, 128):
        decoding = start(model, [tuple(range(1, length + 1))])
        rows = np.arange(count)
        decoding.advance(np.zeros(count, dtype=np.int64), np.full(count, HOLD))
        for step in range(steps):
            decoding.advance(rows, (rows + step) % 200 + 1)
        bytes_of[count] = decoding.kv_bytes
    wrote = 128 * steps * 2 * 2 * 2 * 8 * 4  # keys and values, layers, heads, width, float32
    assert bytes_of[128] <= 2 * bytes_of[1] + wrote
    whole = 128 * (length + steps) * 2 * 2 * 2 * 8 * 4
    assert bytes_of[128] < whole / 4, "as much as rows that each have the prompt"


def node(tokens):
    values = torch.tensor(tokens, dtype=torch.float32).view(1, 1, -1, 1)
    return PrefixNode(tuple(tokens), [values], [values])


def read_back(path):
    return [int(t) for n in path for t in n.keys[0].flatten().tolist()]


def test_a_tree_splits_where_prompts_part():
    tree = PrefixTree(10**6, 3)
    tree.add((), node(range(10)))
    whole = tree.match(tuple(range(10)))
    path = tree.match((0, 1, 2, 3, 50, 51))
    assert [n.tokens for n in path] == [(0, 1, 2, 3)]
    assert read_back(path) == [0, 1, 2, 3]
    assert read_back(tree.match(tuple(range(12)))) == list(range(10))
    assert read_back(whole) == list(range(10)), "rows that use a node keep it"
    assert tree.match((0, 1, 60)) == (), "too short to be worth a product"
    assert tree.match(()) == ()


def test_a_tree_forgets_what_was_used_longest_ago():
    tree = PrefixTree(8 * 20, 3)
    for first in (100, 200):
        tree.add((), node(range(first, first + 9)))
    tree.match(tuple(range(100, 109)))
    tree.add(tree.match(tuple(range(100, 109))), node(range(300, 305)))
    assert tree.num_bytes <= 8 * 20
    assert tree.match(tuple(range(200, 209))) == ()
    assert len(tree.match((*range(100, 109), *range(300, 305)))) == 2
    tree.add((), node(range(500)))
    assert tree.num_bytes <= 8 * 20, "a node that is larger than the bound is not kept"


@pytest.mark.parametrize("family", SHARING)
@pytest.mark.parametrize("at_once", [1, 10, 17, 1000])
def test_a_prompt_read_ahead_is_found_by_the_rows_and_is_what_it_would_be(
    model_of, monkeypatch, family, at_once
):
    prompt = tuple(RNG.integers(1, 300, 50).tolist())
    expected = start(model_of(family), [prompt]).log_probs()
    model = model_of(family)
    start(model, [(*prompt[:20], 7)])  # a beginning that another prompt has left
    ahead = model.read_ahead(prompt)
    passes = passes_of(model, monkeypatch)
    assert ahead.left == 49 - 20
    while ahead.left:
        before = ahead.left
        ahead.read(at_once)
        assert ahead.left <= max(0, before - min(at_once, before))
    assert sum(rows * width for rows, width in passes) <= 29
    assert max(width for _, width in passes) <= max(at_once, 8)
    passes.clear()
    rows = start(model, [prompt])
    assert_close(rows.log_probs(), expected)
    # What was not worth sharing, the last token, and one pass that checks what is there.
    assert sum(rows * width for rows, width in passes) <= 8 + 1
    assert len(model.prefixes.match(prompt[:-1])) <= 2


def test_prompts_may_be_read_ahead_side_by_side(model_of):
    model = model_of("llama")
    one = tuple(RNG.integers(1, 300, 40).tolist())
    other = (*one[:24], *RNG.integers(1, 300, 30).tolist())
    reading = [model.read_ahead(one), model.read_ahead(other)]
    while any(ahead.left for ahead in reading):
        for ahead in reading:
            ahead.read(9)
    for prompt in (one, other):
        rows = start(model, [prompt])
        assert_close(rows.log_probs(), start(model_of("llama"), [prompt]).log_probs())


def test_nothing_is_read_ahead_where_it_would_be_lost(model_of, monkeypatch):
    prompt = tuple(RNG.integers(1, 300, 40).tolist())
    recurrent = model_of("llama")
    recurrent.prefixes.works = False
    assert recurrent.read_ahead(prompt).left == 0
    model = model_of("llama")
    model.prefixes.most_bytes = 1000
    ahead = model.read_ahead(prompt)
    passes = passes_of(model, monkeypatch)
    ahead.read(9)
    assert ahead.left == 0 and passes == [(1, 9)]
    assert model.prefixes.num_bytes <= 1000
    assert model.read_ahead(prompt[:5]).left == 0
