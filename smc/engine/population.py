"""The particles of one prompt: their prefixes, weights and fates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from smc.engine.evaluator import Asker, Cost
from smc.engine.prefix import Prefix
from smc.model import FloatArray, Vocabulary
from smc.posterior import Posterior, Step, TextSequence
from smc.resampling import Resampler
from smc.settings import Settings
from smc.weights import ess, log_mean_exp, normalise


@dataclass(frozen=True)
class Terms:
    """The method, and what ends a text.

    Attributes:
        settings: The method.
        vocabulary: The model's, with the tokens that begin with a stop string as EOS.
        stop: Strings that end a text.
    """

    settings: Settings
    vocabulary: Vocabulary
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ending:
    """How a finished particle ended.

    Attributes:
        token: The end-of-sequence token, or the one that completed a stop string.
        text: The final text; None: that of the prefix.
    """

    token: int
    text: str | None = None


@dataclass
class Population:
    """N particles of one prompt.

    Attributes:
        prefixes: `[N]`; particles with the same tokens share one object.
        terms: What it is run under.
        log_weights: `[N]` since the last resampling; −inf: dead, and still counted.
        endings: `[N]` None of a particle that may still go on.
        log_evidence_base: Evidence up to the last resampling.
        costs: One for each potential, of the current step.
        error: What one of its potentials raised; then its particles are dead, and there is no
            result.
    """

    terms: Terms
    askers: list[Asker]
    root: Prefix
    rng: np.random.Generator
    prefixes: list[Prefix]
    log_weights: FloatArray
    endings: list[Ending | None]
    log_evidence_base: float = 0.0
    history: list[Step] = field(default_factory=list)
    num_tokens: int = 0
    reason: str | None = None
    costs: list[Cost] = field(default_factory=list)
    error: Exception | None = None

    @classmethod
    def at(
        cls, root: Prefix, askers: list[Asker], rng: np.random.Generator, terms: Terms
    ) -> Population:
        """Return N particles of weight 1 at the root."""
        n, new = terms.settings.num_particles, [Cost() for _ in askers]
        return cls(terms, askers, root, rng, [root] * n, np.zeros(n), [None] * n, costs=new)

    @property
    def size(self) -> int:
        """N."""
        return len(self.prefixes)

    def live(self) -> list[int]:
        """Indices of the particles that can still be extended."""
        dead = self.log_weights == -np.inf
        return [i for i, ending in enumerate(self.endings) if ending is None and not dead[i]]

    def kill(self, particles: list[int], reason: str) -> None:
        """Give particles weight zero; the last reason given explains an extinction."""
        self.log_weights[particles] = -np.inf
        self.reason = reason

    def fail(self, error: Exception) -> None:
        """End without a result, for a fault of its own; its neighbours go on."""
        self.error = error
        self.kill(list(range(self.size)), "failed")

    def resample(self, resampler: Resampler) -> tuple[int, ...]:
        """Replace the population by its descendants, all of the mean weight."""
        ancestors = resampler(self.rng, normalise(self.log_weights), self.size)
        self.log_evidence_base += log_mean_exp(self.log_weights)
        self.log_weights = np.zeros(self.size)
        self.prefixes = [self.prefixes[a] for a in ancestors]
        self.endings = [self.endings[a] for a in ancestors]
        return tuple(int(a) for a in ancestors)

    def record(
        self,
        pieces: list[str],
        log_weights: FloatArray,
        before: float,
        ancestors: tuple[int, ...] | None,
    ) -> None:
        """Append a step to the history.

        Args:
            pieces: `[N]` what each particle's text gained.
            log_weights: `[N]` before resampling.
            before: Log mean weight before the step.
            ancestors: If the step resampled.
        """
        after = log_mean_exp(log_weights)
        self.history.append(
            Step(
                pieces=tuple(pieces),
                log_weights=tuple((log_weights).tolist()),
                ess=ess(log_weights),
                ancestors=ancestors,
                log_evidence_increment=after - before if after > -np.inf else -np.inf,
                costs=self._costs_by_name(),
            )
        )
        self.costs = [Cost() for _ in self.askers]

    def _costs_by_name(self) -> dict[str, tuple[int, float]]:
        """Costs of the step; those of potentials with one name are added up."""
        totals: dict[str, tuple[int, float]] = {}
        for asker, cost in zip(self.askers, self.costs, strict=True):
            calls, seconds = totals.get(asker.name, (0, 0.0))
            totals[asker.name] = calls + cost.calls, seconds + cost.seconds
        return totals

    def texts(self) -> list[tuple[str, bool]]:
        """Return the distinct texts of the particles with weight, and whether each has ended."""
        kept = np.flatnonzero(self.log_weights > -np.inf).tolist()
        distinct = {(id(self.prefixes[i]), id(self.endings[i])): i for i in kept}
        texts = ((_text(self.prefixes[i], self.endings[i]), i) for i in distinct.values())
        return list(dict.fromkeys((text, self.endings[i] is not None) for text, i in texts))

    def posterior(self) -> Posterior:
        """Return the result.

        Raises:
            PotentialError: What the population failed with; whatever that was.
        """
        if self.error is not None:
            raise self.error
        log_weights = self.log_weights + self.log_evidence_base
        extinct = bool(np.all(log_weights == -np.inf))
        return Posterior(
            sequences=tuple(map(_sequence, self.prefixes, self.endings)),
            log_weights=log_weights,
            history=tuple(self.history),
            num_tokens=self.num_tokens,
            reason=self.reason if extinct else None,
        )


def _sequence(prefix: Prefix, ending: Ending | None) -> TextSequence:
    text = _text(prefix, ending)
    if ending is None:
        return TextSequence(text, prefix.tokens, finished=False)
    return TextSequence(text, (*prefix.tokens, ending.token), finished=True)


def _text(prefix: Prefix, ending: Ending | None) -> str:
    return prefix.final_text if ending is None or ending.text is None else ending.text
