"""A world small enough to enumerate over a real network: what every such backend is held to."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import transformers

import smc
from smc.engine import Problem, run
from smc.model import LanguageModel, Vocabulary
from smc.settings import Settings
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

RUNS = 2500
SEED = 99
PADDED = Vocabulary((*VOCABULARY.tokens, None), VOCABULARY.eos_ids)  # an id outside the model
PROMPTS = ((0, 1), (2, 2, 1, 0, 0))
CHANGES: list[dict[str, Any]] = [
    {"ess_threshold": 0.0},
    {"ess_threshold": 0.5, "resampling": "stratified"},
    {"ess_threshold": 1.0, "resampling": "multinomial"},
    {"ess_threshold": 1.0, "resampling": "residual", "resample_at": AfterB()},
    {"ess_threshold": 1.0, "proposal": smc.LocalProposal(temperature=1.6)},
]
Tables = Mapping[tuple[int, ...], smc.TableModel]


def small_llama(**changes: Any) -> transformers.LlamaForCausalLM:
    """Return a random Llama over `PADDED`."""
    torch.manual_seed(5)
    sizes = {"hidden_size": 32, "intermediate_size": 32, "initializer_range": 0.25}
    config = transformers.LlamaConfig(
        vocab_size=len(PADDED),
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=32,
        **{**sizes, **changes},
    )
    return transformers.LlamaForCausalLM(config).eval()


def tables_of(network: Any) -> Tables:
    """For each prompt a network as a table, from forward passes without a cache."""

    def table(prompt: tuple[int, ...]) -> smc.TableModel:
        @functools.cache
        def next_probs(prefix: tuple[int, ...]) -> tuple[float, ...]:
            with torch.no_grad():
                logits = network(torch.tensor([[*prompt, *prefix]])).logits[0, -1].double().clone()
            logits[list(PADDED.suppressed)] = -torch.inf
            return tuple(logits.softmax(-1).tolist())

        return smc.TableModel(PADDED, next_probs)

    return {prompt: table(prompt) for prompt in PROMPTS}


def factors() -> list[Any]:
    """Return potentials of every kind."""
    return [
        NoTripleA(),
        SoftLength(),
        with_boundary(Alternation(), AfterB()),
        with_boundary(Judge(), None),
    ]


def run_prompts(
    model: LanguageModel, prompts: Sequence[tuple[int, ...]], **changes: Any
) -> list[smc.Posterior]:
    """Return `RUNS` posteriors of each prompt, all of them one batch."""
    fixed = {"num_particles": 4, "max_tokens": MAX_TOKENS, "at_max_tokens": "end"}
    settings = Settings(**(fixed | changes))
    shared = factors()
    seeds = np.random.SeedSequence(SEED).spawn(len(prompts) * RUNS)
    starts = [list(prompt) for prompt in prompts for _ in range(RUNS)]
    problems = [
        Problem(start, shared, np.random.default_rng(seed))
        for start, seed in zip(starts, seeds, strict=True)
    ]
    return run(model, problems, settings)


def worst_z(posteriors: Iterable[smc.Posterior], table: smc.TableModel) -> tuple[float, float]:
    """Return the largest |z| over the texts that were hit often and over Ẑ; the mass of those."""
    gamma = target(factors(), model=table)
    per_text = estimates(iter(posteriors), list(gamma))
    exact = np.array(list(gamma.values()))
    hit = (per_text > 0).sum(axis=0) >= 25
    both = np.column_stack([per_text[:, hit], per_text.sum(axis=1)])
    z = z_scores(both, np.append(exact[hit], exact.sum()))
    return float(np.abs(z).max()), float(exact[hit].sum() / exact.sum())


def check_unbiased(model: LanguageModel, tables: Tables, changes: Mapping[str, Any]) -> None:
    """Prompts of unequal length in one batch; z = 4, the seed fixed before the first look."""
    posteriors = run_prompts(model, PROMPTS, **changes)
    for index, prompt in enumerate(PROMPTS):
        worst, covered = worst_z(posteriors[index * RUNS : (index + 1) * RUNS], tables[prompt])
        assert worst < 4
        assert covered > 0.95


def check_draws(model: LanguageModel, tables: Tables) -> None:
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
