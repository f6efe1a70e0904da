"""Stop strings: where a text is cut, and what the potentials read of a text that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smc.engine.evaluator import Growth, PotentialEvaluator
from smc.engine.prefix import Prefix


@dataclass(frozen=True)
class Proposed:
    """What the proposal has weighed the cheap potentials at.

    Attributes:
        prefix: The text.
        complete: Whether as a finished one.
    """

    prefix: Prefix
    complete: bool


@dataclass(frozen=True)
class CutText:
    """A text that a stop string cuts.

    Attributes:
        text: What is left of it.
        proposed: What the proposal has weighed in its place.
    """

    text: str
    proposed: Proposed

    def prefix(self, evaluators: Sequence[PotentialEvaluator]) -> Prefix:
        """Return the cut text as the potentials read it: anew, with the values of the whole."""
        whole = self.proposed.prefix
        raw = _cut_bytes(whole.raw, self.text)
        states = []
        for evaluator, last in zip(evaluators, whole.states, strict=True):
            (state,) = evaluator.advance([Growth(evaluator.start(), raw, raw, self.text)])
            states.append(replace(state, log_value=last.log_value))
        return Prefix(whole.trail, whole.token, whole.length, raw, self.text, b"", tuple(states))


def cut_by_stop(
    stop: Sequence[str], whole: Prefix, old_length: int, *, complete: bool
) -> CutText | None:
    """Return a text cut where the first stop string begins that its newest token completed.

    Args:
        stop: The strings.
        whole: The text with its newest token.
        old_length: Characters before that token.
        complete: Whether the proposal has weighed the text as a finished one.
    """
    places = (whole.text.find(s, max(0, old_length - len(s) + 1)) for s in stop)
    at = min((place for place in places if place >= 0), default=None)
    return None if at is None else CutText(whole.text[:at], Proposed(whole, complete))


def _cut_bytes(raw: bytes, text: str) -> bytes:
    """The bytes that decode to the beginning of a text; invalid ones stand there as U+FFFD."""
    if raw.startswith(whole := text.encode()):
        return whole
    sizes = range(len(raw), len(text) - 1, -1)
    return next(raw[:n] for n in sizes if raw[:n].decode("utf-8", "replace") == text)
