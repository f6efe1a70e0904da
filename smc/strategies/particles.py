"""A particle population over steps: extend, weight by the reward, resample; plain or conditional.

For the particles i = 1..N, with vₜ the value of a solution's first t steps under the judge:

    repeat, until none goes on
        xₜ ~ p(step | x₁..ₜ₋₁)
        multiplicative   w = w · (vₜ / (1 − vₜ))^(1/T)      target p(x) ∏ₜ (vₜ / (1 − vₜ))^(1/T)
        telescoping      w = w · (ψₜ / ψₜ₋₁)^(1/T), ψ₀ = 1  target p(x) · v(x)^(1/T)
        if ESS(w) < threshold · N:  ancestors ~ resampling(w);  Ẑ = Ẑ · mean(w);  w = 1

The two are different targets: one counts the judge once for every step, the other only at the end.
ψₜ is vₜ of a finished solution, and of one that goes on max(vₜ, 10⁻⁶), so that a step of value 0
can be made good again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from smc.errors import SettingsError
from smc.model import FloatArray
from smc.resampling import RESAMPLERS
from smc.strategies.search import Search
from smc.strategies.trajectories import Trajectory, with_log_weight
from smc.weights import is_due, log_mean_exp, normalise

Target = Literal["multiplicative", "telescoping"]
Finished = Literal["again", "once"]
ParticlePath = tuple[Trajectory, ...]
"""A solution after each round of a run, the empty one first."""

_CLIP = 1e-6
"""How near to 0 and 1 a value may come where its odds are taken, and to 0 while a text goes on."""


@dataclass(frozen=True)
class ParticleWeighting:
    """How particles are weighed and resampled.

    Attributes:
        target: `multiplicative` or `telescoping`, see the module.
        finished: What a finished particle weighs in later rounds of the multiplicative mode.
            `again`: its last odds in every round, so that it competes with those that go on, as in
            the authors' code; there is no fixed target then. `once`: its weight stands.
        temperature: T of the weights.
        ess_threshold: Resample when ESS < threshold · N; 1: whenever weights differ.
        resampling: One of `smc.resampling.RESAMPLERS`.

    Raises:
        SettingsError: A value outside its range.
    """

    target: Target
    finished: Finished
    temperature: float
    ess_threshold: float
    resampling: str

    def __post_init__(self) -> None:
        for name, known in (
            ("target", ("multiplicative", "telescoping")),
            ("finished", ("again", "once")),
            ("resampling", tuple(RESAMPLERS)),
        ):
            value = getattr(self, name)
            if value not in known:
                raise SettingsError(f"{name}: expected one of {', '.join(known)}; got {value!r}.")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise SettingsError(
                f"weight_temperature: expected a number above 0, got {self.temperature!r}."
            )
        if not 0 <= self.ess_threshold <= 1:
            raise SettingsError(
                f"ess_threshold: expected a fraction in [0, 1], got {self.ess_threshold!r}."
            )

    @property
    def has_target(self) -> bool:
        """Whether the weights are those of a fixed target."""
        return self.target == "telescoping" or self.finished == "once"

    def log_increment(self, before: Trajectory, after: Trajectory) -> float:
        """Return what a round multiplies the weight of a particle by, as a log."""
        unable = after.error is not None or after.truncated or after.log_weight == -np.inf
        if unable:
            return -math.inf
        constrained = after.log_weight - before.log_weight
        grown = len(after.solution) > len(before.solution)
        if not after.solution:
            return constrained
        if self.target == "telescoping":
            return constrained + (log_twist(after) - log_twist(before)) / self.temperature
        if grown or self.finished == "again":
            return constrained + log_odds(after.value) / self.temperature
        return constrained


@dataclass
class Particles:
    """A population at the end of its run.

    Attributes:
        paths: `[N]`.
        log_weights: `[N]`, scaled such that their log mean is the log evidence.
    """

    paths: list[ParticlePath]
    log_weights: FloatArray

    @property
    def trajectories(self) -> list[Trajectory]:
        """`[N]` the solutions."""
        return [path[-1] for path in self.paths]


def log_odds(value: float) -> float:
    """Return the logit of a value, kept finite.

    Example:
        >>> log_odds(0.5), round(log_odds(1.0), 1)
        (0.0, 13.8)
    """
    clipped = min(max(value, _CLIP), 1 - _CLIP)
    return math.log(clipped / (1 - clipped))


def log_twist(trajectory: Trajectory) -> float:
    """Return log ψ of a solution under the telescoping target; see the module."""
    if not trajectory.solution:
        return 0.0
    value = trajectory.value if trajectory.finished else max(trajectory.value, _CLIP)
    return math.log(value) if value > 0 else -math.inf


def filter_particles(
    search: Search,
    weighting: ParticleWeighting,
    rngs: Sequence[np.random.Generator],
    rng: np.random.Generator,
    max_steps: int,
    reference: ParticlePath | None = None,
) -> Particles:
    """Run a population to its end.

    Args:
        search: Extends and scores.
        weighting: How.
        rngs: One for each particle.
        rng: For the resampling.
        max_steps: A particle that goes on after so many is dead.
        reference: A path that particle 0 takes and never leaves; the others may branch off it, at
            the step it has come to (Andrieu, Doucet & Holenstein 2010).
    """
    size = len(rngs)
    paths: list[ParticlePath] = [(Trajectory(),)] * size
    log_weights = np.zeros(size)
    log_evidence = 0.0
    for step in range(1, max_steps + 1):
        before = [path[-1] for path in paths]
        after = _next_round(search, before, rngs, step, reference)
        log_weights += [weighting.log_increment(b, a) for b, a in zip(before, after, strict=True)]
        if step == max_steps:
            after, log_weights = _cut(after, log_weights)
        after = [
            with_log_weight(t, -math.inf) if w == -math.inf else t
            for t, w in zip(after, log_weights, strict=True)
        ]
        paths = [(*path, trajectory) for path, trajectory in zip(paths, after, strict=True)]
        live = any(t.goes_on for t in after)
        ancestors: Sequence[int] = ()
        if live and is_due(log_weights, weighting.ess_threshold):
            ancestors = _ancestors(weighting, rng, log_weights, reference is not None)
            log_evidence += log_mean_exp(log_weights)
            log_weights = np.zeros(size)
            paths = [paths[a] for a in ancestors]
        search.record(after, ancestors)
        if not live:
            break
    return Particles(paths, log_weights + log_evidence)


def _next_round(
    search: Search,
    before: Sequence[Trajectory],
    rngs: Sequence[np.random.Generator],
    step: int,
    reference: ParticlePath | None,
) -> list[Trajectory]:
    if reference is None:
        return search.score(search.extend(before, rngs))
    fixed = reference[min(step, len(reference) - 1)]
    return [fixed, *search.score(search.extend(before[1:], rngs[1:], keep=[before[0].solution]))]


def _ancestors(
    weighting: ParticleWeighting,
    rng: np.random.Generator,
    log_weights: FloatArray,
    conditional: bool,
) -> list[int]:
    weights = normalise(log_weights)
    if conditional:  # the kept path descends from itself; the others are drawn independently
        return [0, *RESAMPLERS["multinomial"](rng, weights, len(weights) - 1).tolist()]
    return RESAMPLERS[weighting.resampling](rng, weights, len(weights)).tolist()


def _cut(
    trajectories: Sequence[Trajectory], log_weights: FloatArray
) -> tuple[list[Trajectory], FloatArray]:
    """Call those that go on truncated, and dead."""
    over = [t.goes_on for t in trajectories]
    cut = [dataclasses.replace(t, truncated=True) if t.goes_on else t for t in trajectories]
    return cut, np.where(over, -np.inf, log_weights)
