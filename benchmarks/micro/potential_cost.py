"""What a call of the molecule potentials costs, beside a particle-token without any."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import smc
from benchmarks.micro.models import CACHE, PROMPT, load
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from domains.gdb17.molecules import EXAMPLES
from potentials import molecule
from potentials.molecule.parse import parse

NAME = "potential_cost"

Call = Callable[[str], float]


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time each potential over the example molecules; RDKit's parse is not remembered."""
    calls = _calls()
    model, _ = load(options, cache)
    sides = [*(_over_examples(call, options) for call in calls.values())]
    sides.append(_particle_token(model, options))
    micros = interleaved(sides, options.repeats) * 1e6
    medians = dict(zip([*calls, "particle-token"], np.median(micros, axis=0).tolist(), strict=True))
    validity = list(calls).index("validity prefix")
    ratio, interval = ratio_of_medians(micros[:, -1], micros[:, validity])
    return Result(
        name=NAME,
        ours=medians["validity prefix"],
        peer=medians["particle-token"],
        ratio=ratio,
        interval=interval,
        unit="microseconds",
        setting=(
            f"ours: SMILESValidity.prefix, mean over the prefixes of {len(EXAMPLES)} molecules; "
            f"peer: a token of a particle without potentials, random Llama ({options.layers} "
            f"layers, width {options.hidden}, vocabulary {options.vocabulary}), N = "
            f"{options.particles}; a full model costs far more ({options.clock} time)"
        ),
        details={"microseconds": medians},
    )


def _calls() -> dict[str, tuple[Call, list[str]]]:
    """By name, a function and the texts that it is asked about."""
    validity = molecule.SMILESValidity()
    whole = list(EXAMPLES)
    prefixes = [text[:end] for text in whole for end in range(1, len(text), 4)]
    finished: dict[str, smc.Potential] = {
        "qed": molecule.qed(weight=1.0),
        "molecular weight": molecule.molecular_weight(between=(100, 500)),
        "logp": molecule.logp(target=2.0, scale=1.0),
        "ring count": molecule.ring_count(between=(1, 3)),
        "smarts": molecule.smarts("C(=O)[OH]"),
        "similarity": molecule.similarity(EXAMPLES[0], weight=1.0),
    }
    return {
        "validity prefix": (validity.prefix, prefixes),
        "validity complete": (validity.complete, whole),
        **{name: (potential.complete, whole) for name, potential in finished.items()},
    }


def _over_examples(call: tuple[Call, list[str]], options: Options) -> Callable[[int], float]:
    function, texts = call

    def once(seed: int) -> float:
        parse.cache_clear()
        began = options.now()
        for text in texts:
            function(text)
        return (options.now() - began) / len(texts)

    return once


def _particle_token(model: smc.LanguageModel, options: Options) -> Callable[[int], float]:
    def once(seed: int) -> float:
        began = options.now()
        posterior = smc.sample(
            model,
            PROMPT,
            num_particles=options.particles,
            max_tokens=options.tokens,
            seed=seed,
        )
        return (options.now() - began) / posterior.num_tokens

    return once
