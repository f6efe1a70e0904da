"""Sequential Monte Carlo over tokens.

For the particles i = 1..N of each prompt, with γₜ(x₁..ₜ) = p(x₁..ₜ) ∏ₖ φₖ(x₁..ₜ), and Φ in the
place of φ once EOS is drawn (Loula et al. 2025; Del Moral, Doucet & Jasra 2006):

    w⁰  = ∏ₖ φₖ(empty text)
    repeat
        xₜ ~ q(· | x₁..ₜ₋₁)                       model × cheap potentials   `draw_children`
        wᵗ  = wᵗ⁻¹ · p·φ_cheap / q                the proposal's normaliser
        wᵗ  = wᵗ · φ_exp(x₁..ₜ) / φ_exp(last)     at boundaries, at EOS      `weigh`
        wᵗ  = wᵗ · p / p_draft                    where q is a draft's       `Drafted.weigh`
        if ESS(w) < threshold · N:                                           `Run._resample`
            ancestors ~ resampling(w);  Ẑ = Ẑ · mean(w);  w = 1
        grow the model's rows by one token                                   `Run._advance`
    Ẑ = Ẑ · mean(w)

Ẑ Σᵢ Wⁱ f(xⁱ) is an unbiased estimate of Σₓ γ(x) f(x) for every f and every N.

Rows and particles are two things: particles with the same tokens share one row of the model's
batch, one mask and one call of each potential, and part when their draws do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from smc.growing import Growth
from smc.model import HOLD, IntArray, LanguageModel, Prompt, Vocabulary
from smc.population import Population
from smc.posterior import Posterior
from smc.potential import AnyPotential, flatten
from smc.prefix import Prefix
from smc.proposal import DraftProposal
from smc.proposal.draft import Drafted, start_drafted
from smc.proposal.local import draw_children
from smc.resampling import RESAMPLERS
from smc.rows import Row, next_rows
from smc.scoring import Asker, death, with_values
from smc.settings import Settings
from smc.weighing import weigh
from smc.weights import ess, log_mean_exp

Look = Callable[[], list[Posterior]]
OnStep = Callable[[int, Look], None]
"""Called after each token with the step's number and a function that gives the result so far."""


@dataclass(frozen=True)
class Problem:
    """One prompt, its potentials, and the generator that its particles draw from."""

    prompt: Prompt
    potentials: Sequence[AnyPotential]
    rng: np.random.Generator


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
    if not problems:
        return []
    engine = Run(model, problems, settings, stop)
    step = 0
    while engine.running:
        engine.step()
        step += 1
        if on_step is not None:
            on_step(step, engine.posteriors)
    return engine.posteriors()


class Run:
    """The state of a run; `step` is one token of every live particle of every problem."""

    def __init__(
        self,
        model: LanguageModel,
        problems: Sequence[Problem],
        settings: Settings,
        stop: Sequence[str],
    ) -> None:
        self._settings = settings
        self._vocabulary: Vocabulary = model.vocabulary.ending_with(stop)
        self._growth = Growth(self._vocabulary, tuple(stop), settings)
        self._askers: dict[int, Asker] = {}
        self._populations = [self._populate(p) for p in problems]
        prompts = [p.prompt for p in problems]
        arguments = prompts, self._vocabulary, settings.max_tokens
        self._draft: Drafted | None = None
        if isinstance(settings.proposal, DraftProposal):
            roots = [p.root for p in self._populations]
            self._draft = start_drafted(model, *arguments, roots, settings.proposal)
        self._decoding = self._draft or model.start(*arguments)
        self._rows = [Row(p, p.root, p.live()) for p in self._populations]
        for index, row in enumerate(self._rows):
            row.prefix.row = index
        self.running = any(row.particles for row in self._rows)

    def posteriors(self) -> list[Posterior]:
        """Return the result so far, one for each problem."""
        return [p.posterior() for p in self._populations]

    def posterior(self, index: int) -> Posterior:
        """Return the result so far of one problem."""
        return self._populations[index].posterior()

    def texts(self, index: int) -> list[tuple[str, bool]]:
        """Return the distinct texts with weight of one problem, and whether each has ended."""
        return self._populations[index].texts()

    def unfinished(self) -> frozenset[int]:
        """Return the indices of the problems that have a particle that may go on."""
        live = {id(row.population) for row in self._rows if row.particles}
        return frozenset(i for i, p in enumerate(self._populations) if id(p) in live)

    def cancel(self, index: int) -> None:
        """Kill all particles of a problem; their rows are freed after the next step."""
        population = self._populations[index]
        population.kill(list(range(population.size)), "cancelled")

    def step(self) -> None:
        """Draw, weigh, resample, advance."""
        active = {id(r.population): r.population for r in self._rows if r.particles}
        before = {key: log_mean_exp(p.log_weights) for key, p in active.items()}
        children = draw_children(self._rows, self._decoding, self._growth)
        if self._settings.expensive == "boundaries":
            weigh([c for c in children if c.ending is None], complete=False)
        weigh([c for c in children if c.ending is not None], complete=True)
        pieces = {key: [""] * p.size for key, p in active.items()}
        for child in children:
            for particle in child.particles:
                child.population.prefixes[particle] = (
                    child.prefix if child.ending is None else child.parent
                )
                child.population.endings[particle] = child.ending
                pieces[id(child.population)][particle] = child.prefix.text[len(child.parent.text) :]
        weighed = active if self._draft is None else self._draft.weigh(children, active)
        for key, population in active.items():
            log_weights = population.log_weights
            ancestors = self._resample(population) if key in weighed else None
            population.record(pieces[key], log_weights, before[key], ancestors)
        self._advance()

    def _populate(self, problem: Problem) -> Population:
        """Return the population at the empty text, weighed."""
        potentials = flatten(problem.potentials)
        askers = [a for a in map(self._asker, potentials) if self._takes_part(a)]
        sync = self._settings.resample_at
        root = Prefix(None, -1, 0, b"", "", b"", tuple(a.start() for a in askers))
        root.sync_state = sync.start() if sync else None
        population = Population.at(root, askers, problem.rng, self._settings.num_particles)
        everyone = list(range(population.size))
        for k, asker in enumerate(askers):
            if not asker.is_token and self._settings.expensive == "end":
                continue
            (value,) = asker.ask([(root, k, population.costs[k])], complete=False)
            if value == -np.inf:
                population.kill(everyone, death(asker, root))
                break
            if not asker.is_token:
                with_values(root, {k: value})
            if not asker.is_token or self._settings.proposal.corrects:
                population.log_weights += value
        return population

    def _asker(self, potential: AnyPotential) -> Asker:
        """Return the one asker of a potential, bound when it is first met."""
        if id(potential) not in self._askers:
            self._askers[id(potential)] = Asker(potential, self._vocabulary)
        return self._askers[id(potential)]

    def _takes_part(self, asker: Asker) -> bool:
        return self._settings.cheap if asker.is_token else self._settings.expensive != "never"

    def _resample(self, population: Population) -> tuple[int, ...] | None:
        """Resample if it is time to, and the weights are uneven; return the ancestors."""
        live = population.live()
        if not live:
            return None  # a last resampling would only add noise
        if self._settings.resample_at is not None:
            if not all(population.prefixes[i].waits for i in live):
                return None
            for i in live:
                population.prefixes[i].waits = False
        # Equal weights have an ESS of N up to rounding; resampling them would be noise.
        limit = self._settings.ess_threshold * population.size * (1 - 1e-9)
        if ess(population.log_weights) >= limit:
            return None
        return population.resample(RESAMPLERS[self._settings.resampling])

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
        self.running = bool(self._rows)
        if self.running:
            self._decoding.advance(parents, tokens)
