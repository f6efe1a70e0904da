"""The engine over a real vLLM, against brute force on the same weights."""

import functools

import numpy as np
import pytest
import torch
import transformers

import smc
from smc.engine import Problem, run
from smc.model import Vocabulary
from smc.settings import Settings
from tests.backends.vllm_engines import engine, needs_vllm
from tests.exact import (
    MAX_TOKENS,
    VOCABULARY,
    AfterB,
    Alternation,
    Judge,
    NoTripleA,
    SoftLength,
    estimates,
    target,
    with_boundary,
    z_scores,
)
from tests.models import byte_level_tokenizer

pytestmark = needs_vllm

RUNS = 2500
PADDED = Vocabulary((*VOCABULARY.tokens, None), VOCABULARY.eos_ids)  # an id outside the model
PROMPTS = ((0, 1), (2, 2, 1, 0, 0))
ROOM = {"max_num_seqs": 2 * RUNS * 4, "max_num_batched_tokens": 2 * RUNS * 8, "max_model_len": 16}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=len(PADDED),
        hidden_size=64,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32,
        initializer_range=0.15,
        bos_token_id=0,
        eos_token_id=3,
    )
    made = tmp_path_factory.mktemp("world")
    transformers.LlamaForCausalLM(config).save_pretrained(made)
    byte_level_tokenizer().save_pretrained(made)  # the engine wants one; nothing is encoded
    return made


@pytest.fixture(scope="module")
def model(folder):
    return engine(folder, vocabulary=PADDED, engine_args=ROOM)


@pytest.fixture(scope="module")
def tables(folder):
    """For each prompt the same model as a table, from forward passes without a cache."""
    network = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="float32").eval()

    def table(prompt):
        @functools.cache
        def next_probs(prefix):
            with torch.no_grad():
                logits = network(torch.tensor([[*prompt, *prefix]])).logits[0, -1].double().clone()
            logits[list(PADDED.suppressed)] = -torch.inf
            return tuple(logits.softmax(-1).tolist())

        return smc.TableModel(PADDED, next_probs)

    return {prompt: table(prompt) for prompt in PROMPTS}


def factors():
    return [
        NoTripleA(),
        SoftLength(),
        with_boundary(Alternation(), AfterB()),
        with_boundary(Judge(), None),
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"ess_threshold": 0.0},
        {"ess_threshold": 0.5, "resampling": "stratified"},
        {"ess_threshold": 1.0, "resampling": "multinomial"},
        {"ess_threshold": 1.0, "resampling": "residual", "resample_at": AfterB()},
        {"ess_threshold": 1.0, "proposal": smc.LocalProposal(temperature=1.6)},
    ],
    ids=str,
)
def test_unbiased_for_prompts_of_unequal_length_in_one_batch(model, tables, changes):
    settings = Settings(num_particles=4, max_tokens=MAX_TOKENS, **changes)
    shared = factors()
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(99).spawn(2 * RUNS)]
    prompts = [list(prompt) for prompt in tables for _ in range(RUNS)]
    posteriors = run(
        model, [Problem(p, shared, r) for p, r in zip(prompts, rngs, strict=True)], settings
    )
    for index, table in enumerate(tables.values()):
        worst, covered = worst_z(posteriors[index * RUNS : (index + 1) * RUNS], table)
        assert worst < 4
        assert covered > 0.95


def worst_z(posteriors, table):
    """Return the largest |z| over the texts that were hit often and over Ẑ; the mass of those."""
    gamma = target(factors(), model=table)
    found = estimates(iter(posteriors), list(gamma))
    exact = np.array(list(gamma.values()))
    hit = (found > 0).sum(axis=0) >= 25
    both = np.column_stack([found[:, hit], found.sum(axis=1)])
    z = z_scores(both, np.append(exact[hit], exact.sum()))
    return np.abs(z).max(), exact[hit].sum() / exact.sum()


def test_rows_that_were_mixed_up_would_be_noticed(model, tables):
    """What the test above must not let through: the runs of one prompt against another's target."""
    settings = Settings(num_particles=4, max_tokens=MAX_TOKENS, ess_threshold=0.5)
    rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(99).spawn(RUNS)]
    posteriors = run(model, [Problem(list(PROMPTS[0]), factors(), r) for r in rngs], settings)
    assert worst_z(posteriors, tables[PROMPTS[0]])[0] < 4
    assert worst_z(posteriors, tables[PROMPTS[1]])[0] > 10


def test_the_table_and_vllm_agree_draw_by_draw(model, tables):
    """Same seeds, same uniforms: the same particles, and weights within float32 rounding."""
    shared = factors()
    for prompt, table in tables.items():
        for seed in range(20):
            one, other = (
                smc.sample(
                    source, list(start), shared, max_tokens=MAX_TOKENS, ess_threshold=0.9, seed=seed
                )
                for source, start in ((model, prompt), (table, ()))
            )
            assert one.sequences == other.sequences
            np.testing.assert_allclose(one.log_weights, other.log_weights, atol=1e-4)
