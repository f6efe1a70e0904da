"""The problems of a run: how they come, what they show, how they go."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakValueDictionary

import numpy as np

from smc.engine.batch import Row
from smc.engine.decodings import Decodings
from smc.engine.draft import start_drafted
from smc.engine.evaluator import Asker, death, with_values
from smc.engine.population import Population, Terms
from smc.engine.prefix import Prefix
from smc.model import LanguageModel, Prompt, Vocabulary
from smc.posterior import Posterior
from smc.potential import AnyPotential, flatten
from smc.proposals import DraftProposal
from smc.settings import Settings

AskerOf = Callable[[AnyPotential, Vocabulary], Asker]
"""The one asker of a potential under a vocabulary."""


@dataclass(frozen=True)
class Problem:
    """One prompt, its potentials, and the generator that its particles draw from."""

    prompt: Prompt
    potentials: Sequence[AnyPotential]
    rng: np.random.Generator


def populate(problem: Problem, terms: Terms, asker_of: AskerOf) -> Population:
    """Return the population at the empty text, weighed.

    Raises:
        PotentialError: A potential raised, or returned NaN or +inf.
    """
    settings = terms.settings
    every = [asker_of(p, terms.vocabulary) for p in flatten(problem.potentials)]
    askers = [a for a in every if _takes_part(a, terms)]
    root = Prefix(None, -1, 0, b"", "", b"", tuple(a.start() for a in askers))
    if settings.resample_at is not None:
        root.sync_state = settings.resample_at.start()
    population = Population.at(root, askers, problem.rng, terms)
    everyone = list(range(population.size))
    for k, asker in enumerate(askers):
        if not asker.is_token and settings.expensive == "end":
            continue
        (value,) = asker.ask([(root, k, population.costs[k])], complete=False)
        if value == -np.inf:
            population.kill(everyone, death(asker, root))
            break
        if not asker.is_token:
            with_values(root, {k: value})
        if not asker.is_token or settings.proposal.corrects:
            population.log_weights += value
    return population


def _takes_part(asker: Asker, terms: Terms) -> bool:
    return terms.settings.cheap if asker.is_token else terms.settings.expensive != "never"


class Members:
    """The problems of a run, their rows, and the decodings that the rows are in.

    Problems come when they like, each on its own terms, and none depends on another: a problem's
    result is that of a run of its own (up to how a backend rounds a batch of another size).

    Args:
        model: The rows' language model, where a problem comes with no other.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._populations: dict[int, Population] = {}
        self._numbers = itertools.count()
        self._decodings = Decodings()
        self._rows: list[Row] = []
        self._askers: WeakValueDictionary[tuple[int, Vocabulary], Asker] = WeakValueDictionary()
        self._ending = lru_cache(maxsize=64)(Vocabulary.ending_with)

    @property
    def running(self) -> bool:
        """Whether any particle may go on."""
        return any(row.particles for row in self._rows)

    def add(
        self,
        problem: Problem,
        settings: Settings,
        stop: Sequence[str] = (),
        *,
        model: LanguageModel | None = None,
    ) -> int:
        """Add a problem, which takes part from the next step on; return its number.

        Args:
            problem: The prompt is read at once, alone: what runs is not computed again.
            settings: Its own.
            stop: Its own, see `run`.
            model: In place of the run's, of the same tokens. Where it is the same network at
                another temperature or truncation, its rows are in the same forward passes; see
                `Decoding.join`.

        Raises:
            PotentialError: A potential failed at the empty text.
            PromptError: The prompt does not fit the model.
        """
        return self.add_all([problem], settings, stop, model=model)[0]

    def add_all(
        self,
        problems: Sequence[Problem],
        settings: Settings,
        stop: Sequence[str] = (),
        *,
        model: LanguageModel | None = None,
    ) -> list[int]:
        """Add problems whose prompts are read as one batch; see `add`."""
        if not problems:
            return []
        model = model or self._model
        vocabulary = self._ending(model.vocabulary, tuple(stop))
        terms = Terms(settings, vocabulary, tuple(stop))
        populations = [populate(p, terms, self._asker) for p in problems]
        arguments = [p.prompt for p in problems], vocabulary, settings.max_tokens
        if isinstance(settings.proposal, DraftProposal):
            roots = [p.root for p in populations]
            decoding = start_drafted(model, *arguments, roots, settings.proposal)
        else:
            decoding = model.start(*arguments)
        self._decodings.add(decoding, len(problems))
        for population in populations:
            population.root.row = len(self._rows)
            self._rows.append(Row(population, population.root, population.live()))
        numbers = list(itertools.islice(self._numbers, len(problems)))
        self._populations.update(zip(numbers, populations, strict=True))
        return numbers

    def posteriors(self) -> list[Posterior]:
        """Return the result so far, one for each problem."""
        return [p.posterior() for p in self._populations.values()]

    def posterior(self, number: int) -> Posterior:
        """Return the result so far of one problem.

        Raises:
            PotentialError: One of its potentials failed; whatever that raised.
        """
        return self._populations[number].posterior()

    def texts(self, number: int) -> list[tuple[str, bool]]:
        """Return the distinct texts with weight of one problem, and whether each has ended."""
        return self._populations[number].texts()

    def errors(self) -> list[Exception]:
        """Return what went wrong, one for each problem whose potentials failed."""
        return [p.error for p in self._populations.values() if p.error is not None]

    def unfinished(self) -> frozenset[int]:
        """Return the numbers of the problems that have a particle that may go on."""
        live = {id(row.population) for row in self._rows if row.particles}
        return frozenset(n for n, p in self._populations.items() if id(p) in live)

    def remove(self, number: int) -> None:
        """Forget a problem; one that runs is not drawn from any more."""
        population = self._populations.pop(number)
        population.kill(list(range(population.size)), "removed")
        for row in self._rows:
            if row.population is population:
                row.particles = []

    def _asker(self, potential: AnyPotential, vocabulary: Vocabulary) -> Asker:
        """Return the one asker of a potential, bound when it is first met."""
        key = id(potential), vocabulary
        asker = self._askers.get(key)
        if asker is None:
            asker = self._askers[key] = Asker(potential, vocabulary)
        return asker
