"""Retries after extinction, which leave the estimate unbiased: two ladders of larger populations.

To run until a population lives, and to return that one, is biased: E[Ẑ | alive] = Z / P(alive).
The mean over all runs made is, too, for their number depends on how they went. And whatever stops
at the first run that lives has one unbiased estimate, that of its first run, which is zero where a
retry would be wanted (Girshick, Mosteller & Savage 1946, "Unbiased estimates for certain binomial
sampling problems"). Unbiased inverse sampling goes on to a second success (Haldane 1945).

So there are two ladders, independent of each other. Ladder i climbs through runs of n₁ < n₂ < …
particles until one lives, or until it has made `retries` + 1. With Cᵢ(r) = n₁ + … + nᵣ the
particles of its first r runs, and eⱼ how many runs the other ladder made,

    vᵢ(r) = Cᵢ(r) / (Cᵢ(r) + Cⱼ(eⱼ))  −  Cᵢ(r − 1) / (Cᵢ(r − 1) + Cⱼ(eⱼ))
    Ẑ = Σᵢ Σ_{r ≤ eᵢ} vᵢ(r) Ẑᵢ(r)

Whether run r is made depends on the runs before it, and vᵢ(r) on the other ladder: neither on how
the run itself goes, so E[Ẑ] = Z · E[Σᵢ Σ_{r ≤ eᵢ} vᵢ(r)]. The sums telescope to
Cᵢ(eᵢ) / (Cᵢ(eᵢ) + Cⱼ(eⱼ)), the share of all particles that ladder i drew, and these two make 1. The
same holds with f(x) beside every weight: Ẑ Σᵢ Wⁱ f(xⁱ) is unbiased for Σₓ γ(x) f(x).

Of a ladder's runs only the last can have weight. Where both live at once the result is that of two
islands of half the particles each, so that the price of having retries is N split in two.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np

from smc.engine import Look, OnStep, Problem, run
from smc.errors import SettingsError
from smc.islands import joined
from smc.model import LanguageModel
from smc.posterior import Posterior, Status
from smc.settings import Settings


@dataclass(frozen=True)
class Retries:
    """How a problem whose particles all died is tried again.

    Attributes:
        most: Retries of each of the two ladders; 0: there is one population, and no ladder.
        factor: ≥ 1; each try has so many times the particles of the one before.

    Raises:
        SettingsError: A value outside its range.
    """

    most: int = 0
    factor: float = 2.0

    def __post_init__(self) -> None:
        whole = isinstance(self.most, int | np.integer) and not isinstance(self.most, bool)
        if not (whole and self.most >= 0):
            raise SettingsError(f"retries: expected a whole number from 0 on, got {self.most!r}.")
        if not (isinstance(self.factor, Real) and 1 <= self.factor < math.inf):
            raise SettingsError(
                f"retry_factor: expected a finite number of at least 1, got {self.factor!r}."
            )

    def particles(self, num_particles: int, attempt: int) -> int:
        """Return how many particles a ladder's run has; attempt 0 is the first."""
        return math.ceil(math.ceil(num_particles / 2) * self.factor**attempt)


@dataclass
class _Ladder:
    problem: Problem
    runs: list[Posterior] = field(default_factory=list)
    running: Posterior | None = None

    @property
    def tries(self) -> list[Posterior]:
        return self.runs if self.running is None else [*self.runs, self.running]

    @property
    def climbs(self) -> bool:
        return not self.runs or self.runs[-1].status is Status.EXTINCT


def run_with_retries(
    model: LanguageModel,
    problems: Sequence[Problem],
    settings: Settings,
    retries: Retries,
    *,
    stop: Sequence[str] = (),
    on_step: OnStep | None = None,
) -> list[Posterior]:
    """Run all problems, and again those whose particles all died; see the module.

    The first runs of all ladders are one batch, and so are their second ones, and so on.

    Args:
        model: Any language model.
        problems: See `run`; of a problem's generator two are made, one for each ladder.
        settings: `num_particles` is that of both ladders' first runs together.
        retries: At least one.
        stop: See `run`.
        on_step: See `run`; the steps go on counting from try to try.

    Returns:
        One posterior a problem, in order; see `smc.islands.joined`.

    Raises:
        PotentialError, PromptError: See `run`.
    """
    ladders = [
        _Ladder(dataclasses.replace(problem, rng=rng))
        for problem in problems
        for rng in _independent(problem.rng)
    ]
    steps = 0
    for attempt in range(retries.most + 1):
        climbing = [ladder for ladder in ladders if ladder.climbs]
        if not climbing:
            break

        def tell(step: int, look: Look, before: int = steps) -> None:
            nonlocal steps
            steps = before + step
            if on_step is not None:
                on_step(steps, lambda: _so_far(ladders, look))

        size = retries.particles(settings.num_particles, attempt)
        found = run(
            model,
            [ladder.problem for ladder in climbing],
            dataclasses.replace(settings, num_particles=size),
            stop=stop,
            on_step=tell,
        )
        for ladder, posterior in zip(climbing, found, strict=True):
            ladder.runs, ladder.running = [*ladder.runs, posterior], None
    return _results(ladders)


def _independent(rng: np.random.Generator) -> list[np.random.Generator]:
    """Two generators from one, also from one that cannot `spawn`."""
    return [np.random.default_rng(own) for own in rng.integers(2**63, size=(2, 2))]


def _so_far(ladders: Sequence[_Ladder], look: Look) -> list[Posterior]:
    climbing = [ladder for ladder in ladders if ladder.climbs]
    for ladder, posterior in zip(climbing, look(), strict=True):
        ladder.running = posterior
    return _results(ladders)


def _results(ladders: Sequence[_Ladder]) -> list[Posterior]:
    """Return one posterior for each two ladders."""
    pairs = zip(ladders[::2], ladders[1::2], strict=True)
    return [joined([a.tries, b.tries], _shares(a.tries, b.tries)) for a, b in pairs]


def _shares(one: Sequence[Posterior], other: Sequence[Posterior]) -> tuple[float, float]:
    """Return vᵢ(eᵢ) of both ladders: what the last run of each counts."""
    sizes = [[len(run.sequences) for run in runs] for runs in (one, other)]
    (own, last), (across, last_across) = [(sum(n), n[-1]) for n in sizes]
    every = own + across
    return (
        own / every - (own - last) / (every - last),
        across / every - (across - last_across) / (every - last_across),
    )
