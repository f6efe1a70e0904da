"""The history of a run: the texts it ended with, and what each token step did to the particles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class TextSequence:
    """One particle at the end of a run.

    Attributes:
        text: What was generated, without the prompt and without what ended it.
        tokens: Token ids, an end-of-sequence token included.
        finished: Whether the text came to an end of its own: an end-of-sequence token or a stop
            string. False of one that was cut, and of a particle that died on the way.
        truncated: Whether it was cut at `max_tokens` and taken as it was.
    """

    text: str
    tokens: tuple[int, ...]
    finished: bool
    truncated: bool = False


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
