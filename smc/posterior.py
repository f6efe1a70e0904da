"""The posterior, the result of a run: weighted texts, the evidence, and the history of both."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np

from smc.checked_json import shown
from smc.errors import SettingsError
from smc.history import DeathCount, Status, Step, TextSequence
from smc.model import FloatArray, Prompt
from smc.parsed import parsed
from smc.posterior_json import posterior_fields, posterior_json
from smc.weights import ess, log_mean_exp, normalise

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

__all__ = ["DeathCount", "Posterior", "Status", "Step", "TextSequence"]

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, eq=False, repr=False)
class Posterior:
    """A weighted set of N texts that stands for the target γ.

    Attributes:
        sequences: N particles, dead ones included.
        log_weights: `[N]` float64, scaled such that their log mean is `log_evidence`.
        history: One record a token step.
        num_tokens: Particle-tokens drawn, those resampled away included.
        reason: Of an extinct population: which potential, at which text.
        prompt: What the texts go on from, where it was kept.
        model: Name of the model, where it was kept.
        seed: Of the run, where it was a number.
        settings: What else was asked for, as plain JSON: `{"num_particles": 10}`.
        deaths: How many particles died at which step, of what, and at which texts.
        tries: With retries, the particles of each run of the two ladders; see `smc.retries`.
        parser: What reads the texts, where a potential can (`Parses`); no file keeps it.
    """

    sequences: tuple[TextSequence, ...]
    log_weights: FloatArray
    history: tuple[Step, ...] = ()
    num_tokens: int = 0
    reason: str | None = None
    prompt: Prompt | None = None
    model: str | None = None
    seed: int | None = None
    settings: Mapping[str, Any] | None = None
    deaths: tuple[DeathCount, ...] = ()
    tries: tuple[tuple[int, ...], ...] = ()
    parser: Callable[[str], Any] | None = None

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

    @overload
    def probabilities(self) -> dict[str, float]: ...

    @overload
    def probabilities(self, key: Callable[[str], K]) -> dict[K, float]: ...

    def probabilities(self, key: Callable[[str], Any] | None = None) -> dict[Any, float]:
        """Return the posterior by text, duplicates summed, most probable first; {} if extinct.

        Args:
            key: What texts are the same by: `str.lower`, a parser, the answer of a solution. The
                result is then by what it returns, which must be hashable. Default: the text.

        Example:
            >>> texts = (TextSequence(t, (1,), True) for t in ("4", "four", "five"))
            >>> posterior = Posterior(tuple(texts), np.log([2.0, 1.0, 1.0]))
            >>> posterior.probabilities(lambda text: text in ("4", "four"))
            {True: 0.75, False: 0.25}
        """
        totals: dict[Any, float] = {}
        for sequence, weight in zip(self.sequences, self.weights, strict=True):
            if weight > 0:
                same = sequence.text if key is None else key(sequence.text)
                totals[same] = totals.get(same, 0.0) + float(weight)
        return dict(sorted(totals.items(), key=lambda item: -item[1]))

    def parsed(self, parse: Callable[[str], T] | None = None) -> list[tuple[T, float]]:
        """Return what the texts stand for, with probabilities, the most probable first.

        Texts whose objects are equal, and print alike, are one. None says: as the potential that
        can read them does (`OutputType`, or any with a method `parse`).

        Raises:
            SettingsError: There is no parser, or it cannot read a text that has weight.

        Example:
            >>> texts = (TextSequence(t, (1,), True) for t in ("1", " 1", "2"))
            >>> Posterior(tuple(texts), np.log([1.0, 2.0, 1.0])).parsed(int)
            [(1, 0.75), (2, 0.25)]
        """
        return parsed(self.probabilities(), parse or self.parser)

    @property
    def truncated(self) -> dict[str, float]:
        """The texts with weight that were cut at `max_tokens`, and how much of it they have so."""
        totals: dict[str, float] = {}
        for s, weight in zip(self.sequences, self.weights.tolist(), strict=True):
            if s.truncated and weight > 0:
                totals[s.text] = totals.get(s.text, 0.0) + weight
        return totals

    @property
    def truncated_share(self) -> float:
        """The share of the weight that they have; 0 if extinct."""
        return sum(self.truncated.values())

    @property
    def max_tokens(self) -> int | None:
        """The longest that a text could be, where the settings were kept."""
        kept = (self.settings or {}).get("max_tokens")
        return kept if isinstance(kept, int) else None

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
        """Return the posterior mean of a function of the text; NaN if extinct.

        Raises:
            SettingsError: The function returns something else than a number.
        """
        if self.status is Status.EXTINCT:
            return math.nan
        mean = 0.0
        for text, probability in self.probabilities().items():
            value = function(text)
            try:
                mean += probability * value
            except (TypeError, OverflowError) as error:
                raise SettingsError(
                    f"Posterior.expectation: the function returned {shown(value, 200)} at "
                    f"text {text!r:.200}; expected a number."
                ) from error
        return mean

    def costs(self) -> dict[str, tuple[int, float]]:
        """Return evaluations and seconds of each potential, over the whole run."""
        totals: dict[str, tuple[int, float]] = {}
        for step in self.history:
            for name, (calls, seconds) in step.costs.items():
                before = totals.get(name, (0, 0.0))
                totals[name] = before[0] + calls, before[1] + seconds
        return totals

    def to_json(self) -> str:
        """Return all of it as JSON text; −inf is written as null.

        Raises:
            SettingsError: `prompt` or `settings` hold what JSON has not.
        """
        return posterior_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Posterior:
        """Read back what `to_json` wrote; members that it does not know are let be.

        Raises:
            SettingsError: It is something else; the message names the place.
        """
        return cls(**posterior_fields(text))

    def save(self, path: str | Path) -> None:
        """Write `to_json` to a file."""
        Path(path).write_text(self.to_json() + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Posterior:
        """Read back what `save` wrote.

        Raises:
            SettingsError: The file cannot be read, or is something else.
        """
        try:
            raw = Path(path).read_bytes()
        except OSError as error:
            raise SettingsError(
                f"posterior: {path}: {error.strerror or error}; expected a file that `save` wrote."
            ) from error
        return cls.from_json(raw)

    def to_frame(self) -> pandas.DataFrame:
        """Return a row for each particle.

        The columns: `text`, `weight`, `log_weight`, `num_tokens`, `finished`, `truncated`.

        Raises:
            SettingsError: pandas is not installed.
        """
        from smc.pages.frame import particle_frame

        return particle_frame(self)

    def plot(self, *, top: int = 10) -> Figure:
        """Return a matplotlib figure: effective sample size over time, the `top` likeliest texts.

        Raises:
            SettingsError: matplotlib is not installed.
        """
        from smc.pages.figure import posterior_figure

        return posterior_figure(self, top)

    def __repr__(self) -> str:
        from smc.pages.summary import summary

        return summary(self)

    def to_html(self, path: str | Path | None = None, *, title: str | None = None) -> str:
        """Return (and write) a page of its own: genealogy of the particles, ESS, texts.

        Args:
            path: Of the file, if one is to be written.
            title: Its heading; default: the beginning of the prompt, where it was kept.
        """
        from smc.pages import default_title, posterior_page

        page = posterior_page(self, title=default_title(self) if title is None else title)
        if path is not None:
            Path(path).write_text(page, encoding="utf-8")
        return page

    def _repr_html_(self) -> str:
        from smc.pages import posterior_fragment

        return posterior_fragment(self)
