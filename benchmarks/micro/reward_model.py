"""A process reward model over all particles at once, beside one call for each particle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.micro.models import CACHE, model_folder
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from potentials.reward_model import RewardModel, load_reward_model
from smc.steps import Solution

NAME = "reward_model"
STEPS = 4
_QUESTION = "A list holds the numbers one to ten; what is the sum of the squares of the even ones?"
_WORDS = "so the next value is found by adding one to what was there before and then".split()


def run(options: Options, cache: Path = CACHE) -> Result:
    """Judge N solutions that grow step by step; nothing is remembered from round to round."""
    import transformers

    transformers.utils.logging.disable_progress_bar()
    folder = str(model_folder(options, cache))
    held = 2 * options.particles * options.tokens + 1024
    kept = load_reward_model(
        folder, "math-shepherd", batch_size=options.particles, cache_tokens=held
    )
    bare = load_reward_model(folder, "math-shepherd", batch_size=options.particles, cache_tokens=0)
    sides = {
        "batched": _judging(kept, options, together=True),
        "one call a particle": _judging(kept, options, together=False),
        "batched, nothing reused": _judging(bare, options, together=True),
        "one call a particle, nothing reused": _judging(bare, options, together=False),
    }
    rates = interleaved(list(sides.values()), options.repeats)
    medians = dict(zip(sides, np.median(rates, axis=0).tolist(), strict=True))
    ratio, interval = ratio_of_medians(rates[:, 0], rates[:, 1])
    return Result(
        name=NAME,
        ours=medians["batched"],
        peer=medians["one call a particle"],
        ratio=ratio,
        interval=interval,
        unit="steps judged per second",
        setting=(
            f"random Llama ({options.layers} layers, width {options.hidden}, vocabulary "
            f"{options.vocabulary}) in the format of Math-Shepherd; N = {options.particles} "
            f"different solutions of {STEPS} steps of about {_length(options)} words, judged after "
            f"every step; both sides reuse keys and values ({options.clock} time)"
        ),
        details={"steps_per_second": medians},
    )


def _length(options: Options) -> int:
    return max(1, options.tokens // STEPS)


def _judging(reward: RewardModel, options: Options, *, together: bool) -> Callable[[int], float]:
    def once(seed: int) -> float:
        solutions = _solutions(seed, options)
        reward.clear()
        began = options.now()
        for end in range(1, STEPS + 1):
            now = [s[:end] for s in solutions]
            for batch in [now] if together else [[s] for s in now]:
                reward.scores(_QUESTION, batch)
        return STEPS * options.particles / (options.now() - began)

    return once


def _solutions(seed: int, options: Options) -> list[Solution]:
    rng = np.random.default_rng(seed)
    return [
        tuple(f"{n} {' '.join(rng.choice(_WORDS, _length(options)))}\n\n" for _ in range(STEPS))
        for n in range(options.particles)
    ]
