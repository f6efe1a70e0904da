"""The vLLM backend against the transformers backend and plain forward passes."""

import gc
import shutil
import warnings

import numpy as np
import pytest
import torch
import transformers

import smc
from smc.backends.vllm import VLLMModel
from smc.errors import ModelError, PotentialError, PromptError, VocabularyError
from smc.model import HOLD, DrawRequest, Vocabulary, pack_mask
from tests.backends.vllm_engines import ROOT, SMALL, UNUSED, engine, needs_vllm, random_llama
from tests.models import byte_level_tokenizer

pytestmark = needs_vllm

PROMPTS = ("the cat", "one two three four five six seven" * 3, "a")
TOLERANCE = 2e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A random Llama, with some logits beyond its tokenizer."""
    return random_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture
def model(folder):
    return engine(folder)


@pytest.fixture(scope="module")
def network(folder):
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()


@pytest.fixture(scope="module")
def reference(folder):
    return smc.load(str(folder), device="cpu", dtype="float32")


def encoded(prompts):
    tokenizer = byte_level_tokenizer()
    return [tuple(tokenizer(p)["input_ids"]) for p in prompts]


def plain_log_probs(network, model, rows):
    """`[R, V]` by one uncached forward pass for each row."""
    out = []
    with torch.no_grad():
        for ids in rows:
            logits = network(input_ids=torch.tensor([ids])).logits[0, -1].double()
            logits[model.vocabulary.suppressed] = -np.inf
            out.append(logits.log_softmax(-1).numpy())
    return np.array(out)


def start(model, prompts=PROMPTS, max_tokens=20):
    return model.start(prompts, model.vocabulary, max_tokens)


def assert_close(actual, expected, tolerance=TOLERANCE):
    finite = np.isfinite(expected)
    np.testing.assert_array_equal(np.isfinite(actual), finite)
    np.testing.assert_allclose(actual[finite], expected[finite], atol=tolerance, rtol=0)


def walk(rng, decoding, rows, steps, hold):
    """Draw, then advance by some of the draws: forks, drops, reorders, holds; yield the rows."""
    for _ in range(steps):
        drawn = np.sort(rng.integers(0, len(rows), 8))
        draws = decoding.draw(DrawRequest(drawn, rng.random(8)))
        chosen = rng.integers(0, 8, int(rng.integers(1, 9)))
        parents, tokens = drawn[chosen], draws.tokens[chosen].copy()
        tokens[rng.random(len(chosen)) < hold] = HOLD
        decoding.advance(parents, tokens)
        rows = [
            rows[p] if t == HOLD else (*rows[p], int(t))
            for p, t in zip(parents, tokens, strict=True)
        ]
        yield rows


# The model


@pytest.mark.parametrize("hold", [0.0, 0.3], ids=["no_holds", "holds"])
@pytest.mark.parametrize("prompts", [PROMPTS[:1], PROMPTS], ids=["one", "several"])
def test_running_and_forked_rows_equal_recomputed_ones(model, network, prompts, hold):
    decoding = start(model, prompts, 40)
    assert_close(decoding.log_probs(), plain_log_probs(network, model, encoded(prompts)))
    for now in walk(np.random.default_rng(7), decoding, encoded(prompts), 12, hold):
        assert_close(decoding.log_probs(), plain_log_probs(network, model, now))


def test_ids_that_are_not_text_have_no_mass(model):
    log_probs = start(model).log_probs()
    assert list(model.vocabulary.suppressed) == list(range(log_probs.shape[1] - UNUSED, 325))
    assert (log_probs[:, -UNUSED:] == -np.inf).all()
    np.testing.assert_allclose(np.exp(log_probs).sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize(("seed", "hold"), [(1, 0.8), (2, 0.8), (3, 0.0)])
def test_any_walk_draws_as_in_transformers(model, reference, seed, hold):
    """Rows that are not drawn from, held again and again, or grown by tokens that no one drew."""
    rng = np.random.default_rng(seed)
    here, there = start(model, PROMPTS, 40), start(reference, PROMPTS, 40)
    rows = len(PROMPTS)
    for _ in range(30):
        some = rng.choice(rows, int(rng.integers(1, rows + 1)), replace=False)
        asked = np.sort(rng.choice(some, 6))
        plan = DrawRequest(asked, rng.random(6))
        drawn, expected = here.draw(plan), there.draw(plan)
        np.testing.assert_array_equal(drawn.tokens, expected.tokens)
        np.testing.assert_allclose(drawn.log_weights, expected.log_weights, atol=TOLERANCE)
        parents = rng.integers(0, rows, int(rng.integers(1, 9)))
        tokens = np.full(len(parents), HOLD)
        for place, parent in enumerate(parents):
            of_parent = np.flatnonzero(asked == parent)
            if len(of_parent) and rng.random() < 0.8:
                tokens[place] = drawn.tokens[rng.choice(of_parent)]
            elif rng.random() >= hold:
                tokens[place] = rng.integers(1, 300)
        here.advance(parents, tokens)
        there.advance(parents, tokens)
        rows = len(parents)
    assert_close(here.log_probs(), there.log_probs())


# Drawing


def plan_of(rng, model, rows, **changes):
    allowed = rng.random((rows, len(model.vocabulary))) < 0.2
    scores = rng.normal(size=allowed.shape).astype(np.float32)
    which = np.sort(rng.integers(0, rows, 4 * rows))
    given = {"mask": pack_mask(allowed), "log_scores": scores, "temperature": 1.7, **changes}
    return DrawRequest(which, rng.random(len(which)), **given)


def test_plans_with_masks_scores_and_temperature_draw_as_in_transformers(model, reference):
    rng = np.random.default_rng(21)
    here, there = start(model), start(reference)
    for changes in ({}, {"log_scores": None, "temperature": 1.0}, {"mask": None}):
        plan = plan_of(rng, model, 3, **changes)
        drawn, expected = here.draw(plan), there.draw(plan)
        np.testing.assert_array_equal(drawn.tokens, expected.tokens)
        np.testing.assert_allclose(drawn.log_weights, expected.log_weights, atol=TOLERANCE)
        here.advance(np.arange(3), drawn.tokens[::4][:3])
        there.advance(np.arange(3), drawn.tokens[::4][:3])


def test_draws_do_not_depend_on_the_order_of_rows(model):
    rng = np.random.default_rng(22)
    plan = plan_of(rng, model, 3)
    order = np.array([2, 0, 1])  # row r of the second decoding is prompt order[r]
    inverse = np.argsort(order)
    other = DrawRequest(
        inverse[plan.rows], plan.uniforms, plan.mask[order], plan.log_scores[order], 1.7
    )
    here = start(model).draw(plan)
    there = start(model, [PROMPTS[i] for i in order]).draw(other)
    np.testing.assert_array_equal(here.tokens, there.tokens)
    np.testing.assert_allclose(here.log_weights, there.log_weights, atol=TOLERANCE)


def test_a_row_may_be_drawn_from_again_and_late(model, reference):
    rng = np.random.default_rng(23)
    here, there = start(model), start(reference)
    for rows in ([0, 2], [1], [0, 1, 2], [2]):
        plan = DrawRequest(np.array(rows), rng.random(len(rows)))
        np.testing.assert_array_equal(here.draw(plan).tokens, there.draw(plan).tokens)
    assert_close(here.log_probs(), there.log_probs())
    here.advance(np.array([0, 1, 1]), np.array([9, 8, HOLD]))
    there.advance(np.array([0, 1, 1]), np.array([9, 8, HOLD]))
    assert_close(here.log_probs(), there.log_probs())


def test_a_row_without_mass_is_a_dead_end_and_the_others_go_on(model, reference):
    allowed = np.ones((3, len(model.vocabulary)), dtype=bool)
    allowed[1] = False
    plan = DrawRequest(np.arange(3), np.full(3, 0.3), mask=pack_mask(allowed))
    here, there = start(model), start(reference)
    drawn = here.draw(plan)
    assert drawn.tokens[1] == -1
    assert drawn.log_weights[1] == -np.inf
    for decoding in (here, there):
        decoding.advance(np.array([0, 2]), drawn.tokens[[0, 2]])
    assert_close(here.log_probs(), there.log_probs())


def test_scores_that_are_not_numbers_raise_and_the_rows_survive(model, reference):
    rng = np.random.default_rng(24)
    decoding = start(model)
    bad = plan_of(rng, model, 3, mask=None)
    bad.log_scores[1, 5] = np.nan
    with pytest.raises(PotentialError, match="NaN"):
        decoding.draw(bad)
    good = plan_of(rng, model, 3)
    np.testing.assert_array_equal(decoding.draw(good).tokens, start(reference).draw(good).tokens)
    assert np.isfinite(start(model).draw(plan_of(rng, model, 3)).log_weights).all()


# Steps of the engine


def test_rows_go_on_in_their_requests_and_only_forks_are_added(model):
    decoding = start(model, PROMPTS, 40)
    before = model.cache_use
    three = np.arange(3)
    for _ in range(8):
        draws = decoding.draw(DrawRequest(three, np.full(3, 0.4)))
        decoding.advance(three, draws.tokens)
    assert (model.cache_use - before).requests == 3
    draws = decoding.draw(DrawRequest(three, np.full(3, 0.4)))
    decoding.advance(np.array([1, 1, 1, 0]), draws.tokens[[1, 1, 1, 0]])
    assert model.num_requests == 4
    decoding.draw(DrawRequest(np.arange(4), np.full(4, 0.4)))
    forked = model.cache_use - before
    assert forked.requests == 5
    # The second prompt is long: whole blocks of 32 of it are reused.
    length = len(encoded(PROMPTS)[1]) + 9
    assert forked.cached >= 2 * (length // 32 * 32) > 0


def test_decodings_may_take_turns(model, reference):
    ours, theirs = [start(model), start(model, PROMPTS[::-1])], []
    theirs = [start(reference), start(reference, PROMPTS[::-1])]
    rng = np.random.default_rng(25)
    for _ in range(4):
        for here, there in zip(ours, theirs, strict=True):
            plan = DrawRequest(np.arange(3), rng.random(3))
            drawn, expected = here.draw(plan), there.draw(plan)
            np.testing.assert_array_equal(drawn.tokens, expected.tokens)
            np.testing.assert_allclose(drawn.log_weights, expected.log_weights, atol=TOLERANCE)
            here.advance(np.arange(3), drawn.tokens)
            there.advance(np.arange(3), drawn.tokens)


def test_rows_that_join_draw_as_in_transformers(model, reference):
    """Before a step is begun and after, with options of their own; then all go on in one step."""
    hot = VLLMModel(model._llm, model._engine.mailbox, temperature=1.8, top_k=20)
    hot._engine = model._engine  # the same engine at another temperature
    hot_reference = smc.TransformersModel(
        reference.model, reference.tokenizer, temperature=1.8, top_k=20
    )
    here, there, rng = start(model), start(reference), np.random.default_rng(27)
    rows = 3
    for turn in range(6):
        if turn % 2:
            assert here.join(start(hot, PROMPTS[:2])) and there.join(
                start(hot_reference, PROMPTS[:2])
            )
            rows += 2
        plan = DrawRequest(np.arange(rows), rng.random(rows))
        drawn, expected = here.draw(plan), there.draw(plan)
        np.testing.assert_array_equal(drawn.tokens, expected.tokens)
        np.testing.assert_allclose(drawn.log_weights, expected.log_weights, atol=TOLERANCE)
        parents = np.arange(turn % 2, rows)
        rows = len(parents)
        tokens = drawn.tokens[parents]
        here.advance(parents, tokens)
        there.advance(parents, tokens)
        assert model.num_requests <= rows
    assert not here.join(start(reference))
    assert len({id(row.transform) for row in here._rows}) == 1, (
        "of one transform, whenever they came"
    )


def test_a_step_that_was_begun_may_be_left_or_overtaken(model, reference):
    """`advance` begins a step; then another decoding draws, or `advance` comes again."""
    here, there = start(model), start(reference)
    first = here.draw(DrawRequest(np.arange(3), np.full(3, 0.3))).tokens
    rest = np.full(3, 9)
    for decoding in (here, there):
        decoding.advance(np.arange(3), first)
    other = start(model)
    other.draw(DrawRequest(np.arange(3), np.full(3, 0.6)))
    other.advance(np.arange(3), rest)
    del other
    for decoding in (here, there):
        decoding.advance(np.array([2, 0, 0]), rest)
        decoding.advance(np.arange(3), rest)
    assert_close(here.log_probs(), there.log_probs())
    here.advance(np.arange(3), rest)
    here.close()
    assert model.num_requests == 0


# Lifetimes


def test_requests_are_gone_after_close_and_after_drop(model):
    one, other = start(model), start(model)
    one.draw(DrawRequest(np.arange(3), np.full(3, 0.5)))
    assert model.num_requests == 3
    one.close()
    assert model.num_requests == 0
    other.draw(DrawRequest(np.arange(3), np.full(3, 0.5)))
    assert model.num_requests == 3
    del other
    gc.collect()
    assert model.num_requests == 0
    assert not model._engine._internals._core.scheduler.requests


def test_a_row_that_ends_at_the_context_is_drawn_to_its_last_token(model, reference):
    prompt = [7] * (SMALL["max_model_len"] - 2)
    here, there = start(model, [prompt], 2), start(reference, [prompt], 2)
    for _ in range(2):
        plan = DrawRequest(np.zeros(1, np.int64), np.full(1, 0.7))
        drawn = here.draw(plan)
        np.testing.assert_array_equal(drawn.tokens, there.draw(plan).tokens)
        if len(prompt) < SMALL["max_model_len"]:
            here.advance(np.zeros(1, np.int64), drawn.tokens)
            there.advance(np.zeros(1, np.int64), drawn.tokens)
            prompt = [*prompt, int(drawn.tokens[0])]
            break
    plan = DrawRequest(np.zeros(1, np.int64), np.full(1, 0.2))
    np.testing.assert_array_equal(here.draw(plan).tokens, there.draw(plan).tokens)
    del here
    assert model.num_requests == 0


def test_no_rows_are_no_work(model):
    decoding = start(model)
    none = np.zeros(0, dtype=np.int64)
    assert len(decoding.draw(DrawRequest(none, np.zeros(0))).tokens) == 0
    decoding.draw(DrawRequest(np.arange(3), np.full(3, 0.5)))
    decoding.advance(none, none)
    assert model.num_requests == 0
    assert decoding.log_probs().shape == (0, len(model.vocabulary))


# What is refused


def test_a_prompt_longer_than_the_context_is_refused(model):
    start(model, [[5] * 100], 28)
    with pytest.raises(PromptError, match=r"100 tokens.*max_tokens=29.*128.*at most 99"):
        start(model, [[5] * 100], 29)


def test_prompts_and_vocabularies_that_do_not_fit_are_refused(model):
    with pytest.raises(PromptError, match="outside 0"):
        start(model, [[5, 100_000]])
    with pytest.raises(PromptError, match="no chat template"):
        start(model, [[{"role": "user", "content": "hi"}]])
    with pytest.raises(VocabularyError, match="logits a token"):
        model.start(["a"], Vocabulary((b"a", None), (1,)), 5)


def test_a_model_that_cannot_be_started_is_a_clear_error(tmp_path):
    with pytest.raises(ModelError, match=r"nothing.*HF_HUB_OFFLINE") as caught:
        VLLMModel.load(str(tmp_path / "nothing"))
    assert caught.value.__cause__ is not None


# With engines of their own


def test_the_model_is_warped_as_in_transformers(folder):
    options = {"temperature": 1.5, "top_k": 20, "top_p": 0.8}
    ours = engine(folder, **options)
    other = smc.load(str(folder), device="cpu", dtype="float32", **options)
    here, there = start(ours), start(other)
    assert_close(here.log_probs(), there.log_probs())
    rng = np.random.default_rng(14)
    plan = DrawRequest(rng.integers(0, 3, 300), rng.random(300))
    np.testing.assert_array_equal(here.draw(plan).tokens, there.draw(plan).tokens)
    tokens = here.draw(DrawRequest(np.arange(3), np.full(3, 0.5))).tokens
    here.advance(np.arange(3), tokens)
    there.advance(np.arange(3), tokens)
    assert_close(here.log_probs(), there.log_probs())


def test_logits_that_are_not_numbers_raise(folder, tmp_path):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    network = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    with torch.no_grad():
        network.lm_head.weight[3] = float("nan")
    network.save_pretrained(tmp_path)
    broken = engine(tmp_path)
    with pytest.raises(ModelError, match="NaN"):
        start(broken, ["a"]).draw(DrawRequest(np.zeros(1, np.int64), np.full(1, 0.5)))
    with pytest.raises(ModelError, match="NaN"):
        start(broken, ["a"]).log_probs()


@pytest.mark.parametrize(
    ("limits", "warned"),
    [
        ({"max_num_seqs": 4}, True),
        # Prompts in pieces: the step that ends one is not the step that ends another.
        ({"max_num_seqs": 16, "max_num_batched_tokens": 40, "max_model_len": 40}, False),
    ],
    ids=["few_seats", "short_steps"],
)
def test_rows_that_do_not_fit_a_step_take_turns(folder, reference, limits, warned):
    ours = engine(folder, engine_args=limits)
    prompts = [[20 + i] * (3 + 7 * (i % 4)) for i in range(10)]
    rng = np.random.default_rng(26)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        here, there = start(ours, prompts, 10), start(reference, prompts, 10)
        for _ in range(4):
            plan = DrawRequest(np.repeat(np.arange(10), 2), rng.random(20))
            drawn, expected = here.draw(plan), there.draw(plan)
            np.testing.assert_array_equal(drawn.tokens, expected.tokens)
            np.testing.assert_allclose(drawn.log_weights, expected.log_weights, atol=TOLERANCE)
            here.advance(plan.rows[::2], drawn.tokens[::2])
            there.advance(plan.rows[::2], drawn.tokens[::2])
    assert any("max_num_seqs=4" in str(warning.message) for warning in caught) == warned


def test_rows_that_do_not_fit_the_cache_take_turns(folder, reference):
    """A KV cache of few blocks: the engine preempts what does not fit."""
    few = {"num_gpu_blocks_override": 6, "max_model_len": 96}
    prompts = [[20 + i] * 40 for i in range(6)]
    rng = np.random.default_rng(27)
    ours = engine(folder, engine_args=few)
    here, there = start(ours, prompts), start(reference, prompts)
    for _ in range(4):
        plan = DrawRequest(np.arange(6), rng.random(6))
        drawn, expected = here.draw(plan), there.draw(plan)
        np.testing.assert_array_equal(drawn.tokens, expected.tokens)
        here.advance(np.arange(6), drawn.tokens)
        there.advance(np.arange(6), drawn.tokens)


@pytest.mark.parametrize("domain", ["arithmetic", "ds1000", "gdb17", "planetarium", "spider"])
def test_embedded_models_agree_with_transformers_token_by_token(domain):
    path = ROOT / "domains" / domain / "model"
    other = smc.load(str(path), device="cpu", dtype="float32")
    ours = engine(path)
    assert ours.vocabulary == other.vocabulary
    prompts = ["SELECT name, 1 + 2 = 3", "C1CC(N)O"]
    here, there = start(ours, prompts), start(other, prompts)
    rng = np.random.default_rng(3)
    count = len(prompts)
    for _ in range(12):
        assert_close(here.log_probs(), there.log_probs())
        plan = DrawRequest(np.sort(rng.integers(0, count, 6)), rng.random(6))
        drawn, expected = here.draw(plan), there.draw(plan)
        np.testing.assert_array_equal(drawn.tokens, expected.tokens)
        np.testing.assert_allclose(drawn.log_weights, expected.log_weights, atol=TOLERANCE)
        chosen = rng.integers(0, 6, count := 5)
        here.advance(plan.rows[chosen], drawn.tokens[chosen])
        there.advance(plan.rows[chosen], drawn.tokens[chosen])


def test_a_closed_model_says_so_and_the_process_can_start_another(folder):
    with VLLMModel.load(str(folder), dtype="float32", engine_args=SMALL) as model:
        start(model).draw(DrawRequest(np.arange(3), np.full(3, 0.5)))
    model.close()
    with pytest.raises(ModelError, match="closed"):
        start(model)


def test_loading_leaves_the_random_generators_alone(folder):
    torch.manual_seed(123)
    np.random.seed(5)
    expected = torch.rand(2), np.random.random(2)
    torch.manual_seed(123)
    np.random.seed(5)
    engine(folder, engine_args={"max_num_seqs": 8})
    assert torch.equal(torch.rand(2), expected[0])
    np.testing.assert_array_equal(np.random.random(2), expected[1])
