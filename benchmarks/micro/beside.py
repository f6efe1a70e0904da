"""What two expensive potentials cost a step that may be called beside the forward pass."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import smc
from benchmarks.micro.models import CACHE
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from smc.backends.table import TableDecoding
from smc.model import HOLD, IntArray, Prompt, Vocabulary

NAME = "beside"
PASS_SECONDS = 0.020
POTENTIAL_SECONDS = 0.005
_LONGEST = 40


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time a step with the potentials beside the pass, one after the other, and without them."""
    tokens = min(options.tokens, _LONGEST)
    sides = [
        _steps(count, concurrent, tokens)
        for count, concurrent in ((2, True), (0, True), (2, False))
    ]
    millis = interleaved(sides, options.repeats) * 1e3
    ours, alone, serial = np.median(millis, axis=0).tolist()
    ratio, interval = ratio_of_medians(millis[:, 1], millis[:, 0])
    return Result(
        name=NAME,
        ours=ours,
        peer=alone,
        ratio=ratio,
        interval=interval,
        unit="milliseconds a step",
        setting=(
            f"ours: a model that takes {PASS_SECONDS * 1e3:g} ms a step, and two potentials of "
            f"{POTENTIAL_SECONDS * 1e3:g} ms with `concurrent`; peer: the model alone; both wait "
            f"without a processor, {tokens} steps of 4 particles (wall time)"
        ),
        details={"one_after_the_other": serial},
    )


class _Waiting(smc.Potential):
    """Waits, as for a process or a service, and values every text alike."""

    def __init__(self, concurrent: bool) -> None:
        self.concurrent = concurrent

    def batch_prefix(self, texts: Sequence[str]) -> Sequence[float]:
        time.sleep(POTENTIAL_SECONDS)
        return [0.0] * len(texts)

    batch_complete = batch_prefix


class _SlowDecoding(TableDecoding):
    """Rows of a table whose forward pass takes its time."""

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        if (tokens != HOLD).any():
            time.sleep(PASS_SECONDS)
        super().advance(parents, tokens)


class _SlowModel(smc.TableModel):
    def start(
        self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int
    ) -> TableDecoding:
        rows: list[tuple[int, ...]] = [()] * len(prompts)
        return _SlowDecoding(self, vocabulary, rows)


def _steps(potentials: int, concurrent: bool, tokens: int) -> Callable[[int], float]:
    model = _SlowModel.constant({"a": 0.5, "b": 0.5 - 1e-9}, eos=1e-9)

    def once(seed: int) -> float:
        began = time.perf_counter()
        smc.sample(
            model,
            "",
            [_Waiting(concurrent) for _ in range(potentials)],
            num_particles=4,
            max_tokens=tokens,
            at_max_tokens="cut",
            seed=seed,
        )
        return (time.perf_counter() - began) / tokens

    return once
