"""Measure what particles, threshold and boundaries buy, on the goals of `smc demo goals`.

    python docs/curves.py [--problems P] [--seeds S]

writes the table `docs/how-to/curves.md` and the pictures beside it. Everything is made on the spot:
the problems by the generator, the model is the bundled one, so that anybody can run it again.
"""

from __future__ import annotations

import argparse
import copy
import platform
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

import smc
from domains.planetarium.demo import DEMO
from potentials.pddl import PlanReachesGoal
from smc.intervals import Interval, mean_interval

HERE = Path(__file__).parent / "how-to"

PARTICLES = (1, 2, 5, 10, 20, 40)
THRESHOLDS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Measured:
    """One setting: its right answers, dead populations, tokens and processor seconds a problem."""

    setting: str
    correct: Interval
    extinct: float
    tokens: float
    seconds: float


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    model = smc.load("embedded:goals", device="cpu")
    items = DEMO.items(options.problems)

    def measure(setting: str, every_token: bool = False, **arguments: Any) -> Measured:
        return _measure(model, items, range(options.seeds), setting, every_token, arguments)

    measure("warm", num_particles=2)
    particles = {
        method: [measure(f"{n}", num_particles=n, method=method) for n in PARTICLES]
        for method in ("smc", "is")
    }
    thresholds = [measure(f"{t:g}", num_particles=10, ess_threshold=t) for t in THRESHOLDS]
    boundaries = [
        measure("at each closed predicate", num_particles=10),
        measure("after every token", every_token=True, num_particles=10),
    ]
    _picture(particles, thresholds)
    _write(options, particles, thresholds, boundaries)


def _measure(
    model: smc.LanguageModel,
    items: Sequence[Any],
    seeds: Iterable[int],
    setting: str,
    every_token: bool,
    arguments: dict[str, Any],
) -> Measured:
    potentials = [DEMO.potentials(item) for item in items]
    if every_token:
        for own in potentials:
            own[1] = _at_every_token(own[1])
    begun, rows = time.process_time(), []
    for seed in seeds:
        posteriors = smc.sample_batch(
            model,
            [item.prompt for item in items],
            potentials,
            max_tokens=DEMO.max_tokens,
            stop=DEMO.stop,
            seeds=seed,
            **arguments,
        )
        for item, posterior in zip(items, posteriors, strict=True):
            right = sum(
                p * DEMO.score(item, text)["correct"]
                for text, p in posterior.probabilities().items()
            )
            rows.append((right, posterior.status is smc.Status.EXTINCT, posterior.num_tokens))
    seconds = (time.process_time() - begun) / len(rows)
    table = np.array(rows, float).reshape(-1, len(items), 3).mean(0)
    _, extinct, tokens = table.mean(0).tolist()
    return Measured(setting, mean_interval(table[:, 0].tolist()), extinct, tokens, seconds)


def _at_every_token(reaches: PlanReachesGoal) -> PlanReachesGoal:
    """The same potential, asked after every token."""
    other = copy.copy(reaches)
    other.boundary = None
    return other


def _picture(particles: dict[str, list[Measured]], thresholds: list[Measured]) -> None:
    from matplotlib.figure import Figure

    for name, label, curves, places in (
        ("particles", "particles", particles, PARTICLES),
        ("threshold", "ess_threshold", {"smc, N = 10": thresholds}, THRESHOLDS),
    ):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.subplots()
        for method, measured in curves.items():
            means = [m.correct.mean for m in measured]
            low = [m.correct.mean - m.correct.low for m in measured]
            high = [m.correct.high - m.correct.mean for m in measured]
            axes.errorbar(places, means, [low, high], marker="o", capsize=3, label=method)
        if name == "particles":
            axes.set_xscale("log")
            axes.set_xticks(places, map(str, places))
            axes.minorticks_off()
        axes.set(xlabel=label, ylabel="right answers", ylim=(0, 1))
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
        figure.savefig(HERE / f"{name}.svg", metadata={"Date": None})


def _write(
    options: argparse.Namespace,
    particles: dict[str, list[Measured]],
    thresholds: list[Measured],
    boundaries: list[Measured],
) -> None:
    command = f"python docs/curves.py --problems {options.problems} --seeds {options.seeds}"
    said = f"`{command}`, {platform.machine()}, {datetime.now(UTC):%Y-%m-%d}"
    parts = [
        f"<!-- Written by docs/curves.py. -->\n\n{said}; {options.problems} problems, "
        f"{options.seeds} seeds, means with 95% intervals over problems.\n",
    ]
    for method, measured in particles.items():
        parts.append(_table(f"particles, `{method}`", measured))
    parts.append(_table("`ess_threshold`, N = 10", thresholds))
    parts.append(_table("plan asked, N = 10", boundaries))
    (HERE / "curves.md").write_text("\n".join(parts), encoding="utf-8")


def _table(heading: str, measured: Sequence[Measured]) -> str:
    lines = [
        f"| {heading} | right | all dead | tokens | CPU ms |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {m.setting} | {m.correct.mean:.3f} ({m.correct.low:.3f}, {m.correct.high:.3f}) "
        f"| {m.extinct:.3f} | {m.tokens:.0f} | {1000 * m.seconds:.0f} |"
        for m in measured
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
