"""A three-line pandas program in the warm sandbox, beside a cold `python -c`."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.micro.models import CACHE
from benchmarks.micro.timing import Options, Result, interleaved, quantiles, ratio_of_medians
from potentials.sandbox import Job, Limits, Sandbox

NAME = "sandbox"
PROGRAM = """import pandas as pd
d = pd.DataFrame({"a": [1, 1, 2], "b": [1.0, 2.0, 3.0]})
s = d.groupby("a").b.sum()
"""
_RUNS = 20
"""Warm runs in a round; a cold one takes as long as many of them."""

_LIMIT_SECONDS = 0.2
_ENDLESS = {
    "busy loop": "while True: pass",
    "sleep": "import time; time.sleep(20)",
    "children": (
        "import os, time\nfor _ in range(3):\n"
        "    try: os.fork()\n    except OSError: pass\ntime.sleep(20)"
    ),
}


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time the program both ways, and by how much endless ones outlast their limit."""
    del cache
    lines = tuple(PROGRAM.splitlines())
    with Sandbox(workers=1, imports=("numpy", "pandas")) as sandbox:
        sides = [
            _warm(sandbox, lambda n: Job((PROGRAM,), reuse=False)),
            _warm(sandbox, lambda n: Job((*lines, f"t = s + {n}"))),
            _cold,
        ]
        seconds = interleaved(sides, options.repeats)
        over = {name: _overrun(sandbox, code, options.repeats) for name, code in _ENDLESS.items()}
        walls = str(sandbox.walls)
    medians = np.median(seconds, axis=0) * 1e3
    ratio, interval = ratio_of_medians(seconds[:, 2], seconds[:, 0])
    return Result(
        name=NAME,
        ours=float(medians[0]),
        peer=float(medians[2]),
        ratio=ratio,
        interval=interval,
        unit="milliseconds",
        setting=(
            "three lines of pandas; ours: run anew in a sandbox that has imported pandas, median "
            f"of {_RUNS} runs a round; peer: {Path(sys.executable).name} -c (wall time)"
        ),
        details={
            "one_line_more_ms": float(medians[1]),
            "beyond_the_wall_limit": over,
            "walls": walls,
        },
    )


def _warm(sandbox: Sandbox, program: Callable[[int], Job]) -> Callable[[int], float]:
    def once(seed: int) -> float:
        found = []
        for number in range(_RUNS):
            job = program(seed * _RUNS + number)
            began = time.perf_counter()
            result = sandbox.run(job)
            found.append(time.perf_counter() - began)
            assert result.ok, result
        return float(np.median(found))

    return once


def _cold(seed: int) -> float:
    del seed
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
    return time.perf_counter() - began


def _overrun(sandbox: Sandbox, code: str, times: int) -> dict[str, float]:
    limits = Limits(wall_seconds=_LIMIT_SECONDS, processes=8)
    found = []
    for _ in range(times):
        began = time.perf_counter()
        sandbox.run(Job((code,), limits=limits, reuse=False))
        found.append(time.perf_counter() - began - _LIMIT_SECONDS)
    return {**quantiles(found), "most_ms": max(found) * 1e3}
