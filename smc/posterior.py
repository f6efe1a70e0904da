"""The posterior, the result of a run: weighted texts, the evidence, and the history of both."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from smc.checked_json import Field, JSONContentError, parse, refuse
from smc.errors import SettingsError
from smc.model import FloatArray
from smc.weights import ess, log_mean_exp, normalise

_MOST_IDS = 2**31


class Status(enum.Enum):
    """How a run ended."""

    COMPLETE = "complete"
    """Some particle has weight."""

    EXTINCT = "extinct"
    """Every particle died: log evidence −inf. A result, not an error; see `Posterior.reason`."""


@dataclass(frozen=True)
class TextSequence:
    """One particle at the end of a run.

    Attributes:
        text: What was generated, without the prompt and without what ended it.
        tokens: Token ids, the end-of-sequence token included.
        finished: False of a particle that died on the way.
    """

    text: str
    tokens: tuple[int, ...]
    finished: bool


@dataclass(frozen=True)
class Step:
    """What happened to the population at one token.

    Attributes:
        pieces: `[N]` the text that the step added to each particle.
        log_weights: `[N]` after the step's increments, before resampling.
        ess: Effective sample size of those.
        ancestors: `[N]` the index of each particle's parent, if the step resampled; else None.
        log_evidence_increment: log of the factor that the step multiplied the evidence by.
        costs: For each potential, evaluations and seconds.
    """

    pieces: tuple[str, ...]
    log_weights: tuple[float, ...]
    ess: float
    ancestors: tuple[int, ...] | None
    log_evidence_increment: float
    costs: Mapping[str, tuple[int, float]]

    @property
    def resampled(self) -> bool:
        """Whether the population was resampled after this step."""
        return self.ancestors is not None


@dataclass(frozen=True, eq=False)
class Posterior:
    """A weighted set of N texts that stands for the target γ.

    Attributes:
        sequences: N particles, dead ones included.
        log_weights: `[N]` float64, scaled such that their log mean is `log_evidence`.
        history: One record a token step.
        num_tokens: Particle-tokens drawn, those resampled away included.
        reason: Of an extinct population: which potential, at which text.
    """

    sequences: tuple[TextSequence, ...]
    log_weights: FloatArray
    history: tuple[Step, ...] = ()
    num_tokens: int = 0
    reason: str | None = None

    def __post_init__(self) -> None:
        """Check that the weights are some.

        Raises:
            SettingsError: Not one log weight a sequence, or NaN or +inf among them.
        """
        log_weights = np.asarray(self.log_weights)
        if log_weights.shape != (len(self.sequences),) or not np.all(log_weights < np.inf):
            raise SettingsError(
                f"posterior: got log weights {log_weights!r} for {len(self.sequences)} sequences; "
                "expected one for each, finite or −inf."
            )

    @cached_property
    def log_evidence(self) -> float:
        """Log Ẑ; Ẑ is unbiased for Z, the sum of the target over all texts (log Ẑ is not).

        Others say log marginal likelihood, log_ml, log normalising constant.
        """
        return log_mean_exp(self.log_weights)

    @property
    def status(self) -> Status:
        """Whether anything is left."""
        return Status.EXTINCT if self.log_evidence == -math.inf else Status.COMPLETE

    @property
    def ess(self) -> float:
        """Effective sample size of the final weights."""
        return ess(self.log_weights)

    @property
    def weights(self) -> FloatArray:
        """`[N]` normalised weights; all zero if extinct."""
        return normalise(self.log_weights)

    def probabilities(self) -> dict[str, float]:
        """Return the posterior by text, duplicates summed, most probable first; {} if extinct."""
        totals: dict[str, float] = {}
        for sequence, weight in zip(self.sequences, self.weights, strict=True):
            if weight > 0:
                totals[sequence.text] = totals.get(sequence.text, 0.0) + float(weight)
        return dict(sorted(totals.items(), key=lambda item: -item[1]))

    @property
    def best(self) -> str | None:
        """The most probable text; None if extinct."""
        return next(iter(self.probabilities()), None)

    def sample(self, count: int, *, seed: int | np.random.Generator = 0) -> list[str]:
        """Draw texts from the posterior, with replacement; [] if extinct."""
        if self.status is Status.EXTINCT:
            return []
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(self.sequences), size=count, p=self.weights)
        return [self.sequences[i].text for i in chosen]

    def expectation(self, function: Callable[[str], float]) -> float:
        """Return the posterior mean of a function of the text; NaN if extinct."""
        if self.status is Status.EXTINCT:
            return math.nan
        return sum(p * function(text) for text, p in self.probabilities().items())

    def costs(self) -> dict[str, tuple[int, float]]:
        """Return evaluations and seconds of each potential, over the whole run."""
        totals: dict[str, tuple[int, float]] = {}
        for step in self.history:
            for name, (calls, seconds) in step.costs.items():
                before = totals.get(name, (0, 0.0))
                totals[name] = before[0] + calls, before[1] + seconds
        return totals

    def to_json(self) -> str:
        """Return all of it as JSON text; −inf is written as null."""
        record = dataclasses.asdict(self) | {"log_weights": self.log_weights.tolist()}
        return json.dumps(_replace(record, -math.inf, None), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Posterior:
        """Read back what `to_json` wrote.

        Raises:
            SettingsError: It is something else.
        """
        try:
            record = parse(text)
            sequences = tuple(map(_sequence, record.member("sequences").items()))
            size = len(sequences)
            if not size:
                refuse("sequences", "at least one particle", "none")
            log_weights = [w.log_weight() for w in record.member("log_weights").items(size)]
            return cls(
                sequences=sequences,
                log_weights=np.array(log_weights, dtype=np.float64),
                history=tuple(_step(s, size) for s in record.member("history").items()),
                num_tokens=record.member("num_tokens").integer(),
                reason=record.member("reason").optional(Field.text),
            )
        except JSONContentError as error:
            raise SettingsError(
                f"posterior: cannot be read: {error}. Give JSON as `to_json` writes it."
            ) from error

    def to_html(self, path: str | Path | None = None, *, title: str = "Posterior") -> str:
        """Return (and write) a page of its own: genealogy of the particles, ESS, texts."""
        from smc.pages import posterior_page

        page = posterior_page(self, title=title)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        from smc.pages import posterior_fragment

        return posterior_fragment(self)


def _sequence(record: Field) -> TextSequence:
    return TextSequence(
        text=record.member("text").text(),
        tokens=tuple(i.integer(_MOST_IDS) for i in record.member("tokens").items()),
        finished=record.member("finished").boolean(),
    )


def _step(record: Field, size: int) -> Step:
    """One step of N particles."""
    ancestors = record.member("ancestors")
    costs = record.member("costs").members()
    return Step(
        pieces=tuple(p.text() for p in record.member("pieces").items(size)),
        log_weights=tuple(w.log_weight() for w in record.member("log_weights").items(size)),
        ess=record.member("ess").number(least=0),
        ancestors=ancestors.optional(lambda a: tuple(i.integer(size) for i in a.items(size))),
        log_evidence_increment=record.member("log_evidence_increment").log_weight(),
        costs={Field(name, "costs").text(): _cost(cost) for name, cost in costs.items()},
    )


def _cost(record: Field) -> tuple[int, float]:
    calls, seconds = record.items(2)
    return calls.integer(), seconds.number(least=0)


def _replace(value: Any, old: float, new: Any) -> Any:
    if isinstance(value, dict):
        return {k: _replace(v, old, new) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_replace(v, old, new) for v in value]
    return new if isinstance(value, float) and value == old else value
