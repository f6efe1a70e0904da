"""Timing two things beside each other, and saying how sure the ratio is."""

from __future__ import annotations

import datetime
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from importlib import metadata
from typing import Any

import numpy as np

_RESAMPLES = 2000


@dataclass(frozen=True)
class Options:
    """What all benchmarks take.

    Attributes:
        repeats: Timed runs of each side, after a warm-up of each.
        particles: N.
        tokens: Tokens a particle.
        vocabulary: V of the random model.
        hidden: Width of the random model.
        layers: Of the random model.
        clock: `wall`, or `cpu`: processor time of the process and its threads, for a machine that
            is busy with other things.
        model: Folder or name of a published model, where a benchmark takes one.
        sizes: In place of the numbers of particles of a benchmark that has several.
        compile: Whether our side compiles its step, where a benchmark can; see `smc.load`.
        peer_repeats: Of a peer that is slow; 0: as many as `repeats`.
    """

    repeats: int = 7
    particles: int = 32
    tokens: int = 64
    vocabulary: int = 32_000
    hidden: int = 128
    layers: int = 2
    clock: str = "wall"
    model: str = ""
    sizes: tuple[int, ...] = ()
    compile: bool = False
    peer_repeats: int = 0

    @property
    def now(self) -> Callable[[], float]:
        """The clock, in seconds."""
        return time.process_time if self.clock == "cpu" else time.perf_counter


@dataclass(frozen=True)
class Result:
    """One comparison.

    Attributes:
        name: Of the benchmark.
        ours: Median of our side, in `unit`.
        peer: Median of the other side; None where there is a `limit` instead.
        limit: What our side should not exceed.
        ratio: How many times as good ours is as the peer or the limit; above 1 is better.
        interval: 95% bootstrap interval of the ratio, over the repeats of this run alone.
        unit: Of `ours` and `peer`.
        setting: What was run, in words.
        details: Further figures.
    """

    name: str
    ours: float
    ratio: float
    unit: str
    setting: str
    peer: float | None = None
    limit: float | None = None
    interval: tuple[float, float] | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what `--json` prints: the figures, then where and when they were taken."""
        figures = {k: v for k, v in asdict(self).items() if v is not None}
        return {**figures, **circumstances()}


def interleaved(
    sides: Sequence[Callable[[int], float]], repeats: int, warm_ups: int = 1
) -> np.ndarray:
    """Run each side in turn, again and again, in alternating order.

    Args:
        sides: Each takes a seed, runs once, and returns its own figure (a rate, or seconds).
        repeats: Timed rounds.
        warm_ups: Rounds that are not kept.

    Returns:
        `[repeats, sides]` figures. What the machine does besides hits neighbours alike, so compare
        within rows.
    """
    found = np.zeros((warm_ups + repeats, len(sides)))
    for round_ in range(len(found)):
        order = range(len(sides)) if round_ % 2 == 0 else reversed(range(len(sides)))
        for side in order:
            found[round_, side] = sides[side](round_)
    return found[warm_ups:]


def of_rates(name: str, rates: np.ndarray, setting: str, details: dict[str, Any]) -> Result:
    """Compare `[repeats, 2]` particle-tokens per second: ours, and the peer's.

    Args:
        name: Of the benchmark.
        rates: As `interleaved` returns them.
        setting: What was run, in words.
        details: Further figures; those of each run are added.
    """
    ratio, interval = ratio_of_medians(rates[:, 0], rates[:, 1])
    ours, peer = np.median(rates, axis=0).tolist()
    return Result(
        name=name,
        ours=ours,
        peer=peer,
        ratio=ratio,
        interval=interval,
        unit="particle-tokens per second",
        setting=setting,
        details={**details, "ours_runs": rates[:, 0].tolist(), "peer_runs": rates[:, 1].tolist()},
    )


def ratio_of_medians(
    numerator: np.ndarray, denominator: np.ndarray, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Median of the paired ratios, and a 95% bootstrap interval of it.

    Args:
        numerator: `[repeats]` figures.
        denominator: `[repeats]` figures of the same rounds.
        seed: Of the bootstrap.
    """
    ratios = np.asarray(numerator) / np.asarray(denominator)
    rng = np.random.default_rng(seed)
    again = rng.choice(ratios, size=(_RESAMPLES, len(ratios)))
    low, high = np.quantile(np.median(again, axis=1), [0.025, 0.975])
    return float(np.median(ratios)), (float(low), float(high))


def quantiles(seconds: Sequence[float] | np.ndarray) -> dict[str, float]:
    """Median and 99th percentile in milliseconds, and how many there were."""
    values = np.asarray(seconds) * 1e3
    return {
        "median_ms": float(np.median(values)),
        "p99_ms": float(np.quantile(values, 0.99)),
        "count": len(values),
    }


def circumstances() -> dict[str, Any]:
    """Machine, date and versions."""
    import torch

    packages = ("torch", "transformers", "llguidance", "lark", "numpy", "rdkit", "partialsmiles")
    return {
        "machine": {
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "torch_threads": torch.get_num_threads(),
            "load_average": round(os.getloadavg()[0], 2),
            "system": f"{platform.system()} {platform.machine()}",
        },
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **_versions(packages)},
    }


def _versions(packages: Sequence[str]) -> dict[str, str]:
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown"
