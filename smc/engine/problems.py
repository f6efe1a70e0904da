"""The problems of a run: how they come, what they show, how they go."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakValueDictionary

import numpy as np

from smc.engine import draft_sampler, rejection_sampler  # noqa: F401  (both are registered)
from smc.engine.batch import Batch
from smc.engine.candidates import set_log_values
from smc.engine.deaths import Death, DeathTally, Stage
from smc.engine.evaluator import Cost, PotentialEvaluator, Request
from smc.engine.population import Population, RunConfig
from smc.engine.prefix import Prefix
from smc.engine.sampler import sampler_of
from smc.engine.step import step
from smc.engine.stop_tokens import stop_table
from smc.model import LanguageModel, Prompt, Vocabulary
from smc.posterior import Posterior
from smc.potential import AnyPotential, flatten
from smc.settings import Settings

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
            end-of-sequence token. The beginning of one that further tokens may complete is held
            back from the potentials (`smc.engine.stop_strings`), and masks admit the tokens that
            go on into one wherever the text before it may end.
        on_step: Called after each token.

    Returns:
        One posterior a problem, in order.

    Raises:
        PotentialError: A potential raised, or returned NaN or +inf.
        PromptError: A prompt does not fit the model.
    """
    engine = Run(model)
    engine.add_all(problems, settings, stop)
    steps = 0
    while engine.running:
        engine.step()
        for error in engine.errors():
            raise error
        steps += 1
        if on_step is not None:
            on_step(steps, engine.posteriors)
    return engine.posteriors()


class Run:
    """Problems that run as one batch; `step` is one token of every live particle of each.

    Problems come when they like, each on its own terms, and none depends on another: a problem's
    result is that of a run of its own (up to how a backend rounds a batch of another size).

    Args:
        model: The rows' language model, where a problem comes with no other.
    """

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._batch = Batch()
        self._populations: dict[int, Population] = {}
        self._numbers = itertools.count()
        self._evaluators: WeakValueDictionary[tuple[int, Vocabulary], PotentialEvaluator]
        self._evaluators = WeakValueDictionary()
        self._ending = lru_cache(maxsize=64)(Vocabulary.ending_with)

    @property
    def running(self) -> bool:
        """Whether any particle may go on."""
        return any(row.particles for row in self._batch.rows)

    def step(self) -> None:
        """Draw, weigh, resample, advance; see `smc.engine.step`.

        Raises:
            ModelError: The model failed; the run cannot go on.
        """
        step(self._batch)

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
        sampler = sampler_of(settings.proposal)
        stops = stop_table(vocabulary, tuple(stop)) if stop else None
        config = RunConfig(settings, vocabulary, stops, sampler)
        populations = [populate(p, config, self._evaluator) for p in problems]
        decoding = sampler.start(
            model,
            [p.prompt for p in problems],
            vocabulary,
            settings.max_tokens,
            [p.root for p in populations],
        )
        self._batch.add(populations, decoding)
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
        return list(self.weighted_texts(number))

    def weighted_texts(self, number: int) -> dict[tuple[str, bool], float]:
        """Return the weights of those texts, relative to that of the heaviest particle."""
        return self._populations[number].weighted_texts()

    def errors(self) -> list[Exception]:
        """Return what went wrong, one for each problem whose potentials failed."""
        return [p.error for p in self._populations.values() if p.error is not None]

    def unfinished(self) -> frozenset[int]:
        """Return the numbers of the problems that have a particle that may go on."""
        live = set(self._batch.populations())
        return frozenset(n for n, p in self._populations.items() if p in live)

    def remove(self, number: int) -> None:
        """Forget a problem; one that runs is not drawn from any more."""
        population = self._populations.pop(number)
        population.removed = True
        for row in self._batch.rows:
            if row.population is population:
                row.particles = []

    def _evaluator(self, potential: AnyPotential, vocabulary: Vocabulary) -> PotentialEvaluator:
        """Return the one evaluator of a potential, bound when it is first met."""
        key = id(potential), vocabulary
        evaluator = self._evaluators.get(key)
        if evaluator is None:
            evaluator = self._evaluators[key] = PotentialEvaluator(potential, vocabulary)
        return evaluator


EvaluatorOf = Callable[[AnyPotential, Vocabulary], PotentialEvaluator]
"""The one evaluator of a potential under a vocabulary."""


def populate(problem: Problem, config: RunConfig, evaluator_of: EvaluatorOf) -> Population:
    """Return the population at the empty text: N particles of weight ∏ₖ φₖ(empty text).

    Raises:
        PotentialError: A potential raised, or returned NaN or +inf.
    """
    settings, size = config.settings, config.settings.num_particles
    every = [evaluator_of(p, config.vocabulary) for p in flatten(problem.potentials)]
    evaluators = [e for e in every if _takes_part(e, settings)]
    root = Prefix.empty(tuple(e.start() for e in evaluators))
    if settings.resample_at is not None:
        root.sync_state = settings.resample_at.start()
    costs = [Cost() for _ in evaluators]
    log_weight, death = _weigh_root(root, evaluators, costs, settings)
    deaths = DeathTally()
    if death is not None:
        deaths.add(death, 0, size)
    return Population(
        config,
        evaluators,
        root,
        problem.rng,
        prefixes=[root] * size,
        log_weights=np.full(size, log_weight),
        endings=[None] * size,
        costs=costs,
        deaths=deaths,
        reason=None if death is None else death.reason,
    )


def _takes_part(evaluator: PotentialEvaluator, settings: Settings) -> bool:
    return settings.cheap if evaluator.is_token else settings.expensive != "never"


def _weigh_root(
    root: Prefix,
    evaluators: Sequence[PotentialEvaluator],
    costs: Sequence[Cost],
    settings: Settings,
) -> tuple[float, Death | None]:
    """Return log w⁰, and the death of all where a potential refuses the empty text."""
    log_weight = 0.0
    for k, evaluator in enumerate(evaluators):
        if not evaluator.is_token and settings.expensive == "end":
            continue
        (value,) = evaluator.log_values([Request(root, k, costs[k])], complete=False)
        if value == -np.inf:
            name = evaluator.name
            return value, Death.by_potential(name, root.text, Stage.PROPOSAL, complete=False)
        if not evaluator.is_token:
            set_log_values(root, {k: value})
        if not evaluator.is_token or settings.proposal.properly_weighted:
            log_weight += value
    return log_weight, None
