"""A text with marks, read piece by piece: what stands between them goes to a potential within."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from potentials.incremental import incremental
from smc.potential import AnyPotential, IncrementalPotential

_LOG_ZERO = float("-inf")


@dataclass(frozen=True, slots=True)
class MarkedState:
    """Where a text stands.

    Attributes:
        inner: Of the potential within, behind what is certainly content; None outside of a part.
        held: The longest end of the text that begins the mark which is looked for. Within a part
            it is content if the mark does not become whole.
        log_value: Of the parts that are closed.
        seen: Whether a part has begun.
    """

    inner: Any = None
    held: bytes = b""
    log_value: float = 0.0
    seen: bool = False


class Marked(IncrementalPotential[MarkedState]):
    """Weighs the parts of a text behind a mark, up to another; see `after_mark` and `between`.

    Args:
        potential: For a part.
        begin: The mark before a part.
        end: The mark behind it; None: a part goes on to the end of the text.
        required: Whether a text without a part has weight zero.
    """

    def __init__(
        self, potential: AnyPotential, begin: bytes, end: bytes | None, required: bool
    ) -> None:
        self.potential = potential
        self.begin = begin
        self.end = end
        self.required = required
        self.boundary = potential.boundary
        self.inner = incremental(potential)

    @property
    def name(self) -> str:
        """That of the potential within, and where it holds."""
        marks = (self.begin, self.end) if self.end else (self.begin,)
        where = " and ".join(repr(m.decode()) for m in marks)
        return f"{self.potential.name} {'between' if self.end else 'after'} {where}"

    def start(self) -> MarkedState:
        """Return the state of the empty text, which is outside."""
        return MarkedState()

    def advance(self, state: MarkedState, new_bytes: bytes) -> MarkedState:
        """Read on; marks may begin and end anywhere in the bytes."""
        rest = new_bytes
        while rest:
            outside = state.inner is None
            mark = self.begin if outside else self.end
            if mark is None:
                return replace(state, inner=self.inner.advance(state.inner, rest))
            text = state.held + rest
            at = text.find(mark)
            if at < 0:
                held = text[begins(text, mark) :]
                content = text[: len(text) - len(held)]
                return replace(state, inner=self._read(state.inner, content), held=held)
            rest = text[at + len(mark) :]
            if outside:
                state = MarkedState(self.inner.start(), b"", state.log_value, True)
            else:
                value = self.inner.complete(self._read(state.inner, text[:at]))
                state = MarkedState(None, b"", state.log_value + value, True)
        return state

    def prefix(self, state: MarkedState) -> float:
        """Return the log weight of the closed parts, and of the open one."""
        return self.batch_prefix([state])[0]

    def complete(self, state: MarkedState) -> float:
        """Return the log weight of all parts; the end of the text closes an open one."""
        return self.batch_complete([state])[0]

    def batch_prefix(self, states: Sequence[MarkedState]) -> list[float]:
        """`prefix` of several texts; the potential within is asked in one batch."""
        opened = [i for i, s in enumerate(states) if s.inner is not None]
        whole = [self.content(states[i]) for i in opened]
        values = [s.log_value for s in states]
        for i, value in zip(opened, self._asked(whole, complete=False), strict=True):
            values[i] += value
            if value == _LOG_ZERO:  # unless what is held back is no content, but a mark
                values[i] = states[i].log_value + self._closing(states[i])
        return values

    def batch_complete(self, states: Sequence[MarkedState]) -> list[float]:
        """`complete` of several texts; the potential within is asked in one batch."""
        opened = [i for i, s in enumerate(states) if s.inner is not None]
        whole = [self.content(states[i]) for i in opened]
        values = [s.log_value if s.seen or not self.required else _LOG_ZERO for s in states]
        for i, value in zip(opened, self._asked(whole, complete=True), strict=True):
            values[i] += value
        return values

    def content(self, state: MarkedState) -> Any:
        """Return the inner state of an open part if what is held back is content."""
        return self._read(state.inner, state.held)

    def _closing(self, state: MarkedState) -> float:
        """The best log Φ of the part if what is held back, or its end, begins a mark."""
        assert self.end is not None or not state.held
        ends = (state.held[:at] for at in range(len(state.held)))
        mark = self.end or b""
        contents = [c for c in ends if mark.startswith(state.held[len(c) :])]
        parts = [self._read(state.inner, content) for content in contents]
        return max(self._asked(parts, complete=True), default=_LOG_ZERO)

    def _read(self, inner: Any, content: bytes) -> Any:
        return self.inner.advance(inner, content) if content and inner is not None else inner

    def _asked(self, inner: Sequence[Any], *, complete: bool) -> Sequence[float]:
        if not inner:
            return []
        return self.inner.batch_complete(inner) if complete else self.inner.batch_prefix(inner)


def begins(text: bytes, mark: bytes) -> int:
    """Return where the longest end of a text begins that is a proper beginning of a mark."""
    places = range(max(0, len(text) - len(mark) + 1), len(text))
    return next((at for at in places if mark.startswith(text[at:])), len(text))
