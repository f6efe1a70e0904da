"""Blocks drafted by a small model, against the large model alone.

Both models are random, and so nearly uniform and alike: this is what drafting saves where the draft
is good, not how good a draft is. `ess` in the details is of the last weights, without resampling.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

import smc
from benchmarks.micro import models
from benchmarks.micro.models import CACHE, load
from benchmarks.micro.timing import Options, Result, interleaved, of_rates
from smc.proposals import Proposal

NAME = "draft"
BLOCK = 4
WIDER, DEEPER = 4, 4
"""How many times the width and the layers of the draft the large model has."""


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time both; see the module."""
    size = {"hidden": WIDER * options.hidden, "layers": DEEPER * options.layers}
    large, _ = load(dataclasses.replace(options, **size), cache)
    draft, _ = load(options, cache)
    ess: dict[str, list[float]] = {"ours": [], "peer": []}

    def rate(side: str, proposal: Proposal, seed: int) -> float:
        began = options.now()
        posterior = smc.sample(
            large,
            models.PROMPT,
            num_particles=options.particles,
            max_tokens=options.tokens,
            ess_threshold=0.0,
            proposal=proposal,
            seed=seed,
        )
        ess[side].append(posterior.ess)
        return posterior.num_tokens / (options.now() - began)

    drafted = smc.DraftProposal(draft, block=BLOCK)
    rates = interleaved(
        [
            lambda seed: rate("ours", drafted, seed),
            lambda seed: rate("peer", smc.LocalProposal(), seed),
        ],
        options.repeats,
    )
    return of_rates(
        NAME,
        rates,
        setting=(
            f"random Llamas, vocabulary {options.vocabulary}, float32: large of {size['layers']} "
            f"layers and width {size['hidden']}, draft of {options.layers} and {options.hidden}; "
            f"N = {options.particles}, at most {options.tokens} tokens, no potential, no "
            f"resampling; ours: DraftProposal, blocks of {BLOCK}; peer: LocalProposal; median of "
            f"{options.repeats} interleaved runs ({options.clock} time)"
        ),
        details={
            "ess": {side: float(np.median(found)) for side, found in ess.items()},
        },
    )
