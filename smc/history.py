"""The history of a run: the texts it ended with, what each token step did, who died of what."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


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
class DeathCount:
    """Particles that one cause gave weight zero at one step.

    Attributes:
        step: The token, from 1; 0: the empty text.
        cause: The potential's name; several, where their masks together leave nothing; or
            `max_tokens`, or the model.
        said: Which question the cause said no to. `token`: no next token has weight. `prefix`: a
            text on its way. `complete`: a final text. `model`: a block that a draft drew, which
            the model gives probability zero.
        count: How many particles.
        texts: Some of the texts that they died at, distinct ones; of a long one its end.
    """

    step: int
    cause: str
    said: str
    count: int
    texts: tuple[str, ...] = ()


DEATH_SAID = ("token", "prefix", "complete", "model")
"""What a cause may have said no to."""


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
