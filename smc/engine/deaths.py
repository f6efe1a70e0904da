"""Deaths: what gave particles weight zero, and the tally of them that a result shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from smc.history import DeathCount

_TEXTS_EACH = 3
_TEXTS_IN_ALL = 200
_CHARACTERS = 160
"""Of a text; its end is what killed."""


class Stage(IntEnum):
    """When in a step a particle died."""

    PROPOSAL = 0
    BOUNDARY = 1
    COMPLETE = 2
    SETTLEMENT = 3


@dataclass(frozen=True)
class Death:
    """What gave particles weight zero.

    Attributes:
        cause: The potential's name, or what else did, in words.
        text: At which text.
        reason: Both, as a sentence.
        stage: When in the step.
        index: Of the potential, where one did after the draw.
        said: See `DeathCount.said`.
    """

    cause: str
    text: str
    reason: str
    stage: Stage
    index: int = 0
    said: str = "token"

    @classmethod
    def by_potential(
        cls, name: str, text: str, stage: Stage, index: int = 0, *, complete: bool
    ) -> Death:
        """Return the death that a potential's `prefix` or `complete` caused at a text."""
        said = "complete" if complete else "prefix"
        return cls(name, text, f"{name} gave weight zero to {text!r}", stage, index, said)

    @classmethod
    def without_token(cls, refusing: str, text: str) -> Death:
        """Return the death of particles that can draw no next token, or drew one without weight.

        Args:
            refusing: The potentials that take part in the draw; empty: none does.
            text: So far.
        """
        cause = refusing or "the model"
        return cls(cause, text, f"{cause} allows no next token after {text!r}", Stage.PROPOSAL)


@dataclass
class DeathTally:
    """Deaths of a run by step and cause, with some of the texts; bounded, however many die."""

    _counts: dict[tuple[int, str, str], int] = field(default_factory=dict)
    _texts: dict[tuple[int, str, str], dict[str, None]] = field(default_factory=dict)
    _kept: int = 0

    def add(self, death: Death, step: int, count: int) -> None:
        """Count particles that died; `step` is the token, from 1, or 0 at the empty text."""
        key = step, death.cause, death.said
        self._counts[key] = self._counts.get(key, 0) + count
        texts = self._texts.setdefault(key, {})
        shown = death.text if len(death.text) <= _CHARACTERS else "…" + death.text[-_CHARACTERS:]
        if len(texts) < _TEXTS_EACH and self._kept < _TEXTS_IN_ALL and shown not in texts:
            texts[shown] = None
            self._kept += 1

    def counts(self) -> tuple[DeathCount, ...]:
        """Return one entry for each step and cause, in the order of the steps."""
        return tuple(
            DeathCount(step, cause, said, count, tuple(self._texts[step, cause, said]))
            for (step, cause, said), count in self._counts.items()
        )
