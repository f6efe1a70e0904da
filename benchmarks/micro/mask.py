"""Filling token masks: how long one takes, and what parallel filling gains.

The texts are random walks: at each of T tokens, N particles take any token that the mask allows.
Every fill is of a text not seen before, from the state that the engine would hand on.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.micro.engine_vs_genlm import REGEX
from benchmarks.micro.models import CACHE, load
from benchmarks.micro.timing import Options, Result, quantiles, ratio_of_medians
from potentials import Grammar, Regex
from potentials.grammar.mask_potential import MaskPotential
from potentials.molecule import smiles_grammar
from smc.model import Vocabulary, unpack_mask

NAME = "mask"

JSON = r"""
start: value
value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" (pair ("," pair)*)? "}"
pair: STRING ":" value
array: "[" (value ("," value)*)? "]"
STRING: /"([^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
"""
DATES = r"([0-9]{4}-[0-9]{2}-[0-9]{2}(, |\n))+"

Make = Callable[[int | None], MaskPotential]


def constraints() -> dict[str, Make]:
    """By name, what makes the potential with a number of threads (None: its own choice)."""
    return {
        "json": lambda threads: Grammar(JSON, max_threads=threads),
        "smiles": lambda threads: Grammar(smiles_grammar(), max_threads=threads),
        "regex words": lambda threads: Regex(REGEX, max_threads=threads),
        "regex dates": lambda threads: Regex(DATES, max_threads=threads),
    }


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time every constraint; the figures of `json` are the ones compared."""
    vocabulary = load(options, cache)[0].vocabulary
    details: dict[str, Any] = {}
    for name, make in constraints().items():
        details[name] = _measure(make, vocabulary, options)
    first = details["json"]
    return Result(
        name=NAME,
        ours=first["parallel"]["median_ms"],
        peer=first["serial"]["median_ms"],
        ratio=first["ratio"],
        interval=first["interval"],
        unit=f"milliseconds for the masks of {options.particles} distinct texts",
        setting=(
            f"JSON grammar, vocabulary {options.vocabulary}, random walks of {options.tokens} "
            "tokens; ours: as many threads as the machine has cores; peer: one thread; `one` in "
            f"the details is a single mask ({options.clock} time)"
        ),
        details=details,
    )


def _measure(make: Make, vocabulary: Vocabulary, options: Options) -> dict[str, Any]:
    batches = _walks(make(1).bind(vocabulary), vocabulary, options)
    one = make(1).bind(vocabulary)
    one.token_scores([one.start()])
    singles = [_seconds(one, [state], options) for states in batches for state in states]
    serial, parallel = make(1).bind(vocabulary), make(None).bind(vocabulary)
    pairs = np.array(
        [[_seconds(p, states, options) for p in (serial, parallel)] for states in batches]
    )
    whole = pairs[[len(states) == options.particles for states in batches]]
    whole = whole if len(whole) else pairs
    ratio, interval = ratio_of_medians(whole[:, 0], whole[:, 1])
    return {
        "one": quantiles(singles),
        "serial": quantiles(whole[:, 0]),
        "parallel": quantiles(whole[:, 1]),
        "ratio": ratio,
        "interval": interval,
    }


def _seconds(potential: MaskPotential, states: list[Any], options: Options) -> float:
    began = options.now()
    potential.token_scores(states)
    return options.now() - began


def _walks(
    potential: MaskPotential, vocabulary: Vocabulary, options: Options, seed: int = 0
) -> list[list[Any]]:
    """For each token, the states of up to N distinct texts."""
    rng = np.random.default_rng(seed)
    start = potential.start()
    states, batches = [start] * options.particles, []
    for _ in range(options.tokens):
        mask = potential.token_scores(states).mask
        assert mask is not None
        allowed = unpack_mask(mask & ~vocabulary.eos_mask, len(vocabulary))
        states = [
            # A text that only can end makes room for a new one.
            potential.advance(state, vocabulary.tokens[rng.choice(ids)] or b"")
            if len(ids)
            else start
            for state, ids in zip(states, map(np.flatnonzero, allowed), strict=True)
        ]
        batches.append(list(dict.fromkeys(states)))
    return batches
