"""What resampling costs beside drawing tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.micro.models import CACHE
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from smc.backends.draws import draw_rows
from smc.model import DrawRequest
from smc.resampling import RESAMPLERS

NAME = "resample"
SIZES = (32, 256, 1024)
_CALLS = 20


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time the four schemes and a draw of N tokens from N rows, for several N."""
    sizes = sorted({options.particles, *(s for s in SIZES if s >= options.particles)})
    schemes = list(RESAMPLERS)
    micros: dict[str, dict[str, float]] = {}
    first: tuple[float, tuple[float, float]] | None = None
    for size in sizes:
        sides = [*(_resampling(s, size, options) for s in schemes), _drawing(size, options)]
        seconds = interleaved(sides, options.repeats)
        medians = np.median(seconds, axis=0) * 1e6
        micros[str(size)] = dict(zip([*schemes, "draw"], medians.tolist(), strict=True))
        if size == options.particles:
            first = ratio_of_medians(seconds[:, -1], seconds[:, schemes.index("systematic")])
    assert first is not None
    here = micros[str(options.particles)]
    return Result(
        name=NAME,
        ours=here["systematic"],
        peer=here["draw"],
        ratio=first[0],
        interval=first[1],
        unit="microseconds",
        setting=(
            f"ours: systematic resampling of N = {options.particles}; peer: the draw of as many "
            f"tokens from as many rows, vocabulary {options.vocabulary}; other schemes and N in "
            f"the details ({options.clock} time)"
        ),
        details={"microseconds": micros},
    )


def _resampling(scheme: str, size: int, options: Options) -> Callable[[int], float]:
    def once(seed: int) -> float:
        rng = np.random.default_rng(seed)
        weights = rng.dirichlet(np.ones(size))
        began = options.now()
        for _ in range(_CALLS):
            RESAMPLERS[scheme](rng, weights, size)
        return (options.now() - began) / _CALLS

    return once


def _drawing(size: int, options: Options) -> Callable[[int], float]:
    import torch

    logits = torch.randn(size, options.vocabulary, generator=torch.Generator().manual_seed(0))

    def once(seed: int) -> float:
        plan = DrawRequest(rows=np.arange(size), uniforms=np.random.default_rng(seed).random(size))
        calls = max(1, _CALLS * 32 // size)
        began = options.now()
        for _ in range(calls):
            draw_rows(logits, plan)
        return (options.now() - began) / calls

    return once
