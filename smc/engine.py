"""Sequential Monte Carlo over tokens.

For the particles i = 1..N of each prompt, with γₜ(x₁..ₜ) = p(x₁..ₜ) ∏ₖ φₖ(x₁..ₜ), and Φ in the
place of φ once EOS is drawn (Loula et al. 2025; Del Moral, Doucet & Jasra 2006):

    w⁰  = ∏ₖ φₖ(empty text)
    repeat
        xₜ ~ q(· | x₁..ₜ₋₁)                       model × cheap potentials   `Run._draw`
        wᵗ  = wᵗ⁻¹ · p·φ_cheap / q                the proposal's normaliser
        wᵗ  = wᵗ · φ_exp(x₁..ₜ) / φ_exp(last)     at boundaries, at EOS      `Run._weigh`
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

from smc.model import HOLD, IntArray, LanguageModel, Prompt, Vocabulary
from smc.population import Ending, Population
from smc.posterior import Posterior
from smc.potential import AnyPotential, flatten
from smc.prefix import Prefix, decode_more
from smc.resampling import RESAMPLERS
from smc.rows import Row, next_rows, plan_draws
from smc.scoring import Asker, Request, with_values
from smc.settings import Settings
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


@dataclass(frozen=True)
class _Child:
    """Particles that drew the same token from the same row.

    `prefix` is what their potentials read: the extended prefix, or at the end the final text.
    """

    population: Population
    particles: list[int]
    parent: Prefix
    prefix: Prefix
    ending: Ending | None


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
            then the final text, cut before the stop string, is what they weigh.
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
        self._stop = tuple(stop)
        self._vocabulary: Vocabulary = model.vocabulary.ending_with(stop)
        self._eos = frozenset(self._vocabulary.eos_ids)
        self._askers: dict[int, Asker] = {}
        self._populations = [self._populate(p) for p in problems]
        prompts = [p.prompt for p in problems]
        self._decoding = model.start(prompts, self._vocabulary, settings.max_tokens)
        self._rows = [Row(p, p.root, p.live()) for p in self._populations]
        for index, row in enumerate(self._rows):
            row.prefix.row = index
        self.running = any(row.particles for row in self._rows)

    def posteriors(self) -> list[Posterior]:
        """Return the result so far, one for each problem."""
        return [p.posterior() for p in self._populations]

    def step(self) -> None:
        """Draw, weigh, resample, advance."""
        active = {id(r.population): r.population for r in self._rows if r.particles}
        before = {key: log_mean_exp(p.log_weights) for key, p in active.items()}
        children = self._draw()
        self._weigh([c for c in children if c.ending is None], complete=False)
        self._weigh([c for c in children if c.ending is not None], complete=True)
        pieces = {key: [""] * p.size for key, p in active.items()}
        for child in children:
            for particle in child.particles:
                child.population.prefixes[particle] = (
                    child.prefix if child.ending is None else child.parent
                )
                child.population.endings[particle] = child.ending
                pieces[id(child.population)][particle] = child.prefix.text[len(child.parent.text) :]
        for key, population in active.items():
            log_weights = population.log_weights
            ancestors = self._resample(population)
            population.record(pieces[key], log_weights, before[key], ancestors)
        self._advance()

    def _populate(self, problem: Problem) -> Population:
        """Return the population at the empty text, weighed."""
        potentials = list(flatten(problem.potentials))
        askers = [self._askers.setdefault(id(p), Asker(p, self._vocabulary)) for p in potentials]
        askers = [a for a in askers if self._takes_part(a)]
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
                population.kill(everyone, _death(asker, root))
                break
            if not asker.is_token:
                with_values(root, {k: value})
            if not asker.is_token or self._settings.proposal.corrects:
                population.log_weights += value
        return population

    def _takes_part(self, asker: Asker) -> bool:
        return self._settings.cheap if asker.is_token else self._settings.expensive != "never"

    def _draw(self) -> list[_Child]:
        """Draw the next token of every particle that does not wait."""
        plan, drawers = plan_draws(self._rows, self._settings, self._vocabulary)
        draws = self._decoding.draw(plan)
        corrects = self._settings.proposal.corrects
        together: dict[tuple[int, int], list[int]] = {}
        drawn = zip(plan.rows.tolist(), drawers, draws.tokens.tolist(), strict=True)
        for (row, particle, token), log_weight in zip(drawn, draws.log_weights, strict=True):
            together.setdefault((row, token), []).append(particle)
            if corrects and token >= 0:
                self._rows[row].population.log_weights[particle] += log_weight
        children = []
        for (index, token), particles in together.items():
            row = self._rows[index]
            if token < 0:
                row.population.kill(particles, self._dead_end(row))
                continue
            row.population.num_tokens += len(particles)
            children.append(self._child(row, token, particles))
        return children

    def _child(self, row: Row, token: int, particles: list[int]) -> _Child:
        population, parent = row.population, row.prefix
        if token in self._eos:
            return _Child(population, particles, parent, parent, Ending(token))
        new = self._vocabulary.tokens[token]
        assert new, "a backend never draws an id outside the model"
        text, pending = decode_more(parent.pending, new)
        raw = parent.raw + new
        child = Prefix(
            parent,
            token,
            parent.length + 1,
            raw,
            parent.text + text,
            pending,
            tuple(
                asker.advance(reading, raw, new, text)
                for asker, reading in zip(population.askers, parent.readings, strict=True)
            ),
        )
        if self._settings.resample_at is not None:
            child.sync_state, child.waits = self._settings.resample_at.advance(
                parent.sync_state, text
            )
        cut = self._cut(child.text, len(parent.text))
        if cut is None:
            return _Child(population, particles, parent, child, None)
        ended = self._reread(population, child, child.text[:cut], particles)
        return _Child(population, particles, parent, ended, Ending(token, ended.text))

    def _cut(self, text: str, old_length: int) -> int | None:
        """Where the first stop string begins that the newest token completed."""
        if not self._stop:
            return None
        found = (text.find(s, max(0, old_length - len(s) + 1)) for s in self._stop)
        return min((at for at in found if at >= 0), default=None)

    def _reread(
        self, population: Population, child: Prefix, text: str, particles: list[int]
    ) -> Prefix:
        """Return the prefix of a text cut before its stop string.

        The cheap potentials have weighed the whole token as text; here they weigh the cut one.
        """
        raw = text.encode()
        readings = []
        for k, asker in enumerate(population.askers):
            readings.append(asker.advance(asker.start(), raw, raw, text))
            if not asker.is_token:
                last = child.readings[k].log_value
                readings[k] = Asker.valued(readings[k], last)
        ended = Prefix(child.parent, child.token, child.length, raw, text, b"", tuple(readings))
        for k, asker in enumerate(population.askers):
            if asker.is_token:
                cost = population.costs[k]
                (final,) = asker.ask([(ended, k, cost)], complete=True)
                if final == -np.inf:
                    population.kill(particles, _death(asker, ended))
                elif self._settings.proposal.corrects:
                    (counted,) = asker.ask([(child, k, cost)], complete=False)
                    population.log_weights[particles] += final - counted
        return ended

    def _weigh(self, children: list[_Child], *, complete: bool) -> None:
        """Ask the expensive potentials, one after the other, about those still alive."""
        if not complete and self._settings.expensive != "boundaries":
            return
        depth = max((len(c.population.askers) for c in children), default=0)
        for k in range(depth):
            batches: dict[int, list[_Child]] = {}
            for child in children:
                if self._is_due(child, k, complete):
                    batches.setdefault(id(child.population.askers[k]), []).append(child)
            for batch in batches.values():
                asker = batch[0].population.askers[k]
                requests: list[Request] = [(c.prefix, k, c.population.costs[k]) for c in batch]
                for child, value in zip(batch, asker.ask(requests, complete=complete), strict=True):
                    self._apply(child, k, value, complete)

    def _is_due(self, child: _Child, k: int, complete: bool) -> bool:
        """Whether potential k is to be asked about a child: at a boundary or the end, if alive."""
        population = child.population
        if k >= len(population.askers) or population.askers[k].is_token:
            return False
        alive = population.log_weights[child.particles[0]] > -np.inf
        return bool(alive) and (complete or child.prefix.readings[k].due)

    def _apply(self, child: _Child, k: int, value: float, complete: bool) -> None:
        """Multiply weights by the ratio of a potential's new value to its last."""
        population = child.population
        if value == -np.inf:
            population.kill(child.particles, _death(population.askers[k], child.prefix))
            return
        population.log_weights[child.particles] += value - child.prefix.readings[k].log_value
        if not complete:
            with_values(child.prefix, {k: value})

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
        self._rows, parents, tokens = next_rows(self._rows, HOLD)
        self.running = bool(self._rows)
        if self.running:
            self._decoding.advance(parents, tokens)

    def _dead_end(self, row: Row) -> str:
        names = [a.name for a in row.population.askers if a.is_token]
        at = f"after {row.prefix.text!r}"
        if row.prefix.length + 1 == self._settings.max_tokens:
            return f"max_tokens={self._settings.max_tokens}: the text cannot end {at}"
        return f"{' · '.join(names) or 'the model'} allows no next token {at}"


def _death(asker: Asker, prefix: Prefix) -> str:
    return f"{asker.name} gave weight zero to {prefix.text!r}"
