"""Token rates of our engine without potentials, beside `generate` on the same model.

Both draw N sequences of T tokens from the same distribution, nothing truncated: `generate` with
neither top-k nor top-p, and with no end-of-sequence token, so that every sequence is T long. Ours
can end (an EOS has about one chance in V at a token, and is forced as the last one); the rate
counts the tokens drawn.
"""

from __future__ import annotations

from pathlib import Path

import smc
from benchmarks.micro.models import CACHE, PROMPT, load
from benchmarks.micro.timing import Options, Result, interleaved, of_rates

NAME = "engine_vs_generate"


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time both sides; see the module."""
    import torch
    from transformers import GenerationConfig

    ours, model = load(options, cache)
    config = GenerationConfig(
        do_sample=True,
        top_k=0,
        top_p=1.0,
        max_new_tokens=options.tokens,
        num_return_sequences=options.particles,
        eos_token_id=None,
        pad_token_id=2,
    )
    model.generation_config = GenerationConfig()
    ids = torch.tensor([PROMPT])

    def engine(seed: int) -> float:
        began = options.now()
        posterior = smc.sample(
            ours,
            PROMPT,
            num_particles=options.particles,
            max_tokens=options.tokens,
            seed=seed,
        )
        return posterior.num_tokens / (options.now() - began)

    def generate(seed: int) -> float:
        torch.manual_seed(seed)
        began = options.now()
        with torch.inference_mode():
            out = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
        return (out.shape[1] - ids.shape[1]) * len(out) / (options.now() - began)

    rates = interleaved([engine, generate], options.repeats)
    return of_rates(
        NAME,
        rates,
        setting=(
            f"random Llama ({options.layers} layers, width {options.hidden}, vocabulary "
            f"{options.vocabulary}, float32), N = {options.particles}, {options.tokens} tokens, "
            f"prompt of {len(PROMPT)}; peer: generate(do_sample=True, top_k=0), same N as "
            f"num_return_sequences; median of {options.repeats} interleaved runs "
            f"({options.clock} time)"
        ),
        details={},
    )
