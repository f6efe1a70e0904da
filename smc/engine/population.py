"""The population: N particles of one prompt, their prefixes, weights and fates."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from smc.engine.deaths import Death, DeathTally
from smc.engine.evaluator import Cost, PotentialEvaluator
from smc.engine.prefix import Prefix
from smc.engine.stop_tokens import StopTable
from smc.model import FloatArray, IntArray, Vocabulary
from smc.posterior import Posterior, Step, TextSequence
from smc.settings import Settings
from smc.weights import ess, log_mean_exp

if TYPE_CHECKING:
    from smc.engine.candidates import Candidate
    from smc.engine.sampler import ProposalSampler


@dataclass(frozen=True)
class RunConfig:
    """What a population's texts are drawn and weighed under; each may have its own.

    Attributes:
        settings: The method.
        vocabulary: The model's, with the tokens that begin with a stop string as EOS.
        stops: Strings that end a text, and what they make of the tokens; None: there are none.
        sampler: Draws as the settings' proposal says.
    """

    settings: Settings
    vocabulary: Vocabulary
    stops: StopTable | None
    sampler: ProposalSampler


@dataclass(frozen=True)
class Ending:
    """How a finished particle ended.

    Attributes:
        token: The end-of-sequence token, or the one that completed a stop string.
        text: The final text; None: that of the prefix.
        truncated: The text was cut at `max_tokens`, and `token` is its last.
    """

    token: int
    text: str | None = None
    truncated: bool = False


@dataclass(eq=False)
class Population:
    """N particles of one prompt.

    Attributes:
        config: What it is run under.
        evaluators: Of its potentials that take part.
        root: The prefix of no token.
        rng: All its randomness.
        prefixes: `[N]`; particles with the same tokens share one object.
        log_weights: `[N]` since all were last resampled; −inf: dead, and still counted.
        endings: `[N]` None of a particle that may still go on.
        log_evidence_base: Evidence up to the last resampling of all.
        history: One step each.
        num_tokens: Drawn so far.
        deaths: So far.
        reason: What killed the last that died.
        costs: One for each potential, of the current step.
        error: What one of its potentials raised: nothing of it goes on, and there is no result.
        removed: Nobody waits for it any more.
        concurrent: Whether some of its potentials may work beside the model.
    """

    config: RunConfig
    evaluators: list[PotentialEvaluator]
    root: Prefix
    rng: np.random.Generator
    prefixes: list[Prefix]
    log_weights: FloatArray
    endings: list[Ending | None]
    costs: list[Cost]
    log_evidence_base: float = 0.0
    history: list[Step] = field(default_factory=list)
    num_tokens: int = 0
    deaths: DeathTally = field(default_factory=DeathTally)
    reason: str | None = None
    error: Exception | None = None
    removed: bool = False
    concurrent: bool = field(init=False)

    def __post_init__(self) -> None:
        self.concurrent = any(e.concurrent for e in self.evaluators)

    @property
    def size(self) -> int:
        """N."""
        return len(self.prefixes)

    def live(self) -> list[int]:
        """Indices of the particles that can still be extended."""
        if self.removed or self.error is not None:
            return []
        dead = self.log_weights == -np.inf
        return [i for i, ending in enumerate(self.endings) if ending is None and not dead[i]]

    def unjudged(self) -> IntArray:
        """Indices of the particles that no `complete` has given weight: the living and the dead."""
        dead = self.log_weights == -np.inf
        which = [i for i, ending in enumerate(self.endings) if ending is None or dead[i]]
        return np.asarray(which, dtype=np.int64)

    def fail(self, error: Exception) -> None:
        """End without a result, for a fault of its own; its neighbours go on."""
        self.error = error

    def commit(
        self,
        candidates: Sequence[Candidate] = (),
        *,
        ancestors: IntArray | None = None,
        among: IntArray | None = None,
    ) -> None:
        """Give particles what their candidates carry, or those of their ancestors.

        The only place that writes weights, prefixes and endings; and the history with them.

        Args:
            candidates: Of one step.
            ancestors: `[N]`: particle i becomes a copy of `ancestors[i]`.
            among: The particles that took part in that, each of which weighs their mean now; the
                others keep what they have. None: all took part.
        """
        if ancestors is None:
            prefixes, endings = list(self.prefixes), list(self.endings)
            pieces = [""] * self.size
            weighed = self.log_weights.tolist()  # elements of an array take longer to change
            for candidate in candidates:
                own = candidate.particles
                for particle in own:
                    for log_increment in candidate.log_increments:
                        weighed[particle] += log_increment
                    if candidate.death is not None:
                        weighed[particle] = -np.inf
                if candidate.prefix is None:
                    continue
                whole = candidate.ending is None or candidate.ending.truncated
                after = candidate.prefix if whole else candidate.parent
                piece = candidate.prefix.text[len(candidate.parent.text) :]
                for particle in own:
                    prefixes[particle], endings[particle] = after, candidate.ending
                    pieces[particle] = piece
            log_weights = np.array(weighed)
            self._record(candidates, pieces, log_weights)
        else:
            log_weights = self.log_weights.copy()
            if among is None:
                self.log_evidence_base += log_mean_exp(log_weights)
                log_weights = np.zeros(self.size)
            else:
                log_weights[among] = log_mean_exp(log_weights[among])
            prefixes = [self.prefixes[a] for a in ancestors]
            endings = [self.endings[a] for a in ancestors]
            named = tuple(int(a) for a in ancestors)
            self.history[-1] = dataclasses.replace(self.history[-1], ancestors=named)
        self.log_weights, self.prefixes, self.endings = log_weights, prefixes, endings

    def _record(
        self, candidates: Sequence[Candidate], pieces: list[str], log_weights: FloatArray
    ) -> None:
        """Append a step to the history: what each text gained, and what all weigh now."""
        self.num_tokens += sum(len(c.particles) for c in candidates if c.token >= 0)
        dead = [c for c in candidates if c.death is not None or -np.inf in c.log_increments]
        if dead:
            self._bury(dead)
        before, after = log_mean_exp(self.log_weights), log_mean_exp(log_weights)
        self.history.append(
            Step(
                pieces=tuple(pieces),
                log_weights=tuple(log_weights.tolist()),
                ess=ess(log_weights),
                ancestors=None,
                log_evidence_increment=after - before if after > -np.inf else -np.inf,
                costs=self._costs_by_name(),
            )
        )
        self.costs = [Cost() for _ in self.evaluators]

    def _bury(self, dead: Sequence[Candidate]) -> None:
        """Count the particles of candidates without weight, and say what killed the last."""
        refusing = [e.name for e in self.evaluators if self.config.sampler.asks(e.source)]
        unasked = " · ".join(refusing)  # drawn without weight, as by a server that knows no masks
        deaths = [c.death or Death.without_token(unasked, c.parent.final_text) for c in dead]
        for candidate, death in zip(dead, deaths, strict=True):
            self.deaths.add(death, len(self.history) + 1, len(candidate.particles))
        last = max(range(len(deaths)), key=lambda i: (deaths[i].stage, deaths[i].index, i))
        self.reason = deaths[last].reason

    def _costs_by_name(self) -> dict[str, tuple[int, float]]:
        """Costs of the step; those of potentials with one name are added up."""
        totals: dict[str, tuple[int, float]] = {}
        for evaluator, cost in zip(self.evaluators, self.costs, strict=True):
            calls, seconds = totals.get(evaluator.name, (0, 0.0))
            totals[evaluator.name] = calls + cost.calls, seconds + cost.seconds
        return totals

    def weighted_texts(self) -> dict[tuple[str, bool], float]:
        """Return the weights of the texts that have any, by text and whether it has ended.

        The weights are relative to that of the heaviest particle.
        """
        if self.removed or self.error is not None:
            return {}
        kept = np.flatnonzero(self.log_weights > -np.inf)
        log_weights = self.log_weights[kept]
        weights = np.exp(log_weights - log_weights.max(initial=-np.inf))
        distinct: dict[tuple[Prefix, Ending | None], float] = {}
        for i, weight in zip(kept.tolist(), weights.tolist(), strict=True):
            key = self.prefixes[i], self.endings[i]
            distinct[key] = distinct.get(key, 0.0) + weight
        totals: dict[tuple[str, bool], float] = {}
        for (prefix, ending), weight in distinct.items():
            text = _text(prefix, ending), ending is not None
            totals[text] = totals.get(text, 0.0) + weight
        return totals

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
            deaths=self.deaths.counts(),
        )


def _sequence(prefix: Prefix, ending: Ending | None) -> TextSequence:
    text = _text(prefix, ending)
    if ending is None or ending.truncated:
        return TextSequence(text, prefix.tokens, finished=False, truncated=ending is not None)
    return TextSequence(text, (*prefix.tokens, ending.token), finished=True)


def _text(prefix: Prefix, ending: Ending | None) -> str:
    return prefix.final_text if ending is None or ending.text is None else ending.text
