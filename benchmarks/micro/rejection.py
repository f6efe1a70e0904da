"""An opaque boolean check in the proposal: asked about drawn tokens, or about the whole vocabulary.

Ours is `RejectionProposal`. The peer is exact as well, and what one would write without it: a token
potential that asks the same check about every token of the vocabulary.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import smc
from benchmarks.micro import models
from benchmarks.micro.models import CACHE, load
from benchmarks.micro.timing import Options, Result, interleaved, of_rates
from smc.model import LanguageModel, Vocabulary, pack_mask

NAME = "rejection"
PATTERN = rb"[A-Za-z0-9 ,.]*"
PEER_TOKENS = 2
"""The peer's texts are short: a token of each particle costs it as many checks as there are ids."""


class Matches(smc.IncrementalPotential[bytes]):
    """The opaque check, on bytes, because tokens may end within a character; counts its calls."""

    def __init__(self) -> None:
        self._accepts = re.compile(PATTERN).fullmatch
        self.asked = 0

    def start(self) -> bytes:
        return b""

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        return state + new_bytes

    def prefix(self, state: bytes) -> float:
        self.asked += 1
        return 0.0 if self._accepts(state) else -np.inf

    def complete(self, state: bytes) -> float:
        return self.prefix(state)


class AsksAll(smc.TokenPotential[bytes]):
    """The same check, asked about each token of the vocabulary."""

    def __init__(self, check: Matches, vocabulary: Vocabulary | None = None) -> None:
        self._check = check
        self._vocabulary = vocabulary

    def bind(self, vocabulary: Vocabulary) -> AsksAll:
        return AsksAll(self._check, vocabulary)

    def start(self) -> bytes:
        return self._check.start()

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        return self._check.advance(state, new_bytes)

    def prefix(self, state: bytes) -> float:
        return self._check.prefix(state)

    def complete(self, state: bytes) -> float:
        return self._check.complete(state)

    def token_scores(self, states: Sequence[bytes]) -> smc.TokenScores:
        assert self._vocabulary is not None
        ends = self._vocabulary.eos_set
        allowed = np.zeros((len(states), len(self._vocabulary)), dtype=bool)
        for row, state in zip(allowed, states, strict=True):
            for token, new in enumerate(self._vocabulary.tokens):
                if token in ends:
                    row[token] = self.complete(state) == 0
                elif new:
                    row[token] = self.prefix(state + new) == 0
        return smc.TokenScores(mask=pack_mask(allowed))


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time both; see the module."""
    model, _ = load(options, cache)
    short = dataclasses.replace(options, tokens=min(PEER_TOKENS, options.tokens))
    seen: dict[str, list[Any]] = {"ours": [], "peer": []}

    def ours(seed: int) -> float:
        check = Matches()
        found = _rate(model, check, options, seed, smc.RejectionProposal())
        seen["ours"].append((check.asked / found[1].num_tokens, found[1].log_evidence))
        return found[0]

    def theirs(seed: int) -> float:
        check = Matches()
        found = _rate(model, AsksAll(check), short, seed, smc.LocalProposal())
        seen["peer"].append((check.asked / found[1].num_tokens, found[1].log_evidence))
        return found[0]

    rates = interleaved([ours, theirs], options.repeats)
    return of_rates(
        NAME,
        rates,
        setting=(
            f"random Llama ({options.layers} layers, width {options.hidden}, vocabulary "
            f"{options.vocabulary}, float32), check {PATTERN.decode()}, N = {options.particles}; "
            f"ours: RejectionProposal, at most {options.tokens} tokens; peer: a token potential "
            f"that asks the check about the whole vocabulary, {short.tokens} tokens; median of "
            f"{options.repeats} interleaved runs ({options.clock} time)"
        ),
        details={
            "checks_per_token": {
                side: float(np.median([asked for asked, _ in runs])) for side, runs in seen.items()
            },
            "log_evidence": {side: [e for _, e in runs] for side, runs in seen.items()},
        },
    )


def _rate(
    model: LanguageModel, potential: Any, options: Options, seed: int, proposal: Any
) -> tuple[float, smc.Posterior]:
    began = options.now()
    posterior = smc.sample(
        model,
        models.PROMPT,
        [potential],
        num_particles=options.particles,
        max_tokens=options.tokens,
        proposal=proposal,
        seed=seed,
    )
    return posterior.num_tokens / (options.now() - began), posterior
