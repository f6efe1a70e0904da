"""Sequential Monte Carlo over tokens.

For the particles i = 1..N of each prompt, with γₜ(x₁..ₜ) = p(x₁..ₜ) ∏ₖ φₖ(x₁..ₜ), and Φ in the
place of φ once EOS is drawn (Loula et al. 2025; Del Moral, Doucet & Jasra 2006):

    w⁰  = ∏ₖ φₖ(empty text)
    repeat
        xₜ ~ q(· | x₁..ₜ₋₁)                       model × cheap potentials   `draw_children`
        wᵗ  = wᵗ⁻¹ · p·φ_cheap / q                the proposal's normaliser
        wᵗ  = wᵗ · φ_exp(x₁..ₜ) / φ_exp(last)     at boundaries, at EOS      `weigh`
        wᵗ  = wᵗ · p / p_draft                    where q is a draft's       `Drafted.weigh`
        if ESS(w) < threshold · N:                                           `_resample`
            ancestors ~ resampling(w);  Ẑ = Ẑ · mean(w);  w = 1
        grow the model's rows by one token                                   `Run._advance`
    Ẑ = Ẑ · mean(w)

Ẑ Σᵢ Wⁱ f(xⁱ) is an unbiased estimate of Σₓ γ(x) f(x) for every f and every N.

Rows and particles are two things: particles with the same tokens share one row of the model's
batch, one mask and one call of each potential, and part when their draws do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from smc.engine.batch import next_rows
from smc.engine.candidates import Child
from smc.engine.population import Population
from smc.engine.problems import Members, Problem
from smc.engine.propose import draw_children
from smc.engine.weighing import weigh
from smc.model import HOLD, IntArray, LanguageModel
from smc.posterior import Posterior
from smc.resampling import RESAMPLERS
from smc.settings import Settings
from smc.weights import ess, log_mean_exp

Look = Callable[[], list[Posterior]]
OnStep = Callable[[int, Look], None]
"""Called after each token with the step's number and a function that gives the result so far."""


def run(
    model: LanguageModel,
    problems: Sequence[Problem],
    settings: Settings,
    *,
    stop: Sequence[str] = (),
    on_step: OnStep | None = None,
) -> list[Posterior]:
    """Run all problems as one batch, each with its own potentials, weights and resampling.

    Args:
        model: Any language model.
        problems: One population of `settings.num_particles` each.
        settings: The method.
        stop: A text ends where one of these strings begins. A token that begins with one is an
            end-of-sequence token. A token with text before it, or a part of a stop string that
            further tokens complete, counts as text for the potentials until the string is whole;
            then the final text, cut before the stop string, is what they weigh. In the last of
            `max_tokens` slots only an end-of-sequence token can be drawn.
        on_step: Called after each token.

    Returns:
        One posterior a problem, in order.

    Raises:
        PotentialError: A potential raised, or returned NaN or +inf.
        PromptError: A prompt does not fit the model.
    """
    engine = Run(model)
    engine.add_all(problems, settings, stop)
    step = 0
    while engine.running:
        engine.step()
        for error in engine.errors():
            raise error
        step += 1
        if on_step is not None:
            on_step(step, engine.posteriors)
    return engine.posteriors()


class Run(Members):
    """The state of a run; `step` is one token of every live particle of every problem.

    Problems come and go between any two steps (`add`, `remove`).
    """

    def step(self) -> None:
        """Draw, weigh, resample, advance.

        A problem whose potentials raise fails alone; see `errors`.

        Raises:
            ModelError: The model failed; the run cannot go on.
        """
        active = {id(r.population): r.population for r in self._rows if r.particles}
        before = {key: log_mean_exp(p.log_weights) for key, p in active.items()}
        children = draw_children(self._rows, self._decodings)
        weigh([c for c in children if c.ending is None and _asks_midway(c)], complete=False)
        weigh([c for c in children if c.ending is not None], complete=True)
        pieces = {key: [""] * p.size for key, p in active.items()}
        for new in children:
            for particle in new.particles:
                new.population.prefixes[particle] = new.prefix if new.ending is None else new.parent
                new.population.endings[particle] = new.ending
                pieces[id(new.population)][particle] = new.prefix.text[len(new.parent.text) :]
        weighed = self._decodings.weigh(children, active)
        for key, population in active.items():
            log_weights = population.log_weights
            ancestors = _resample(population) if key in weighed else None
            population.record(pieces[key], log_weights, before[key], ancestors)
        self._advance()

    def _advance(self) -> None:
        """Give each distinct live prefix a row of the model, and free the others."""
        parents: IntArray
        old = self._rows
        self._rows, parents, tokens = next_rows(old, HOLD)
        populations = {id(row.population): row.population for row in old}.values()
        used = {id(prefix) for population in populations for prefix in population.prefixes}
        for row in old:
            if id(row.prefix) not in used:
                row.prefix.forget()
        self._decodings.advance(parents, tokens)


def _asks_midway(new: Child) -> bool:
    return new.population.terms.settings.expensive == "boundaries"


def _resample(population: Population) -> tuple[int, ...] | None:
    """Resample if it is time to, and the weights are uneven; return the ancestors."""
    live, settings = population.live(), population.terms.settings
    if not live:
        return None  # a last resampling would only add noise
    if settings.resample_at is not None:
        if not all(population.prefixes[i].waits for i in live):
            return None
        for i in live:
            population.prefixes[i].waits = False
    # Equal weights have an ESS of N up to rounding; resampling them would be noise.
    limit = settings.ess_threshold * population.size * (1 - 1e-9)
    if ess(population.log_weights) >= limit:
        return None
    return population.resample(RESAMPLERS[settings.resampling])
