"""An incremental potential of any other: one of whole texts reads bytes and keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smc.potential import IncrementalPotential, Potential
from smc.utf8 import decode_more


def incremental(potential: Potential | IncrementalPotential[Any]) -> IncrementalPotential[Any]:
    """Return a potential as an incremental one; itself if it is one."""
    return _OfText(potential) if isinstance(potential, Potential) else potential


class _OfText(IncrementalPotential[bytes]):
    """A potential of whole texts, asked about bytes as the engine would ask it."""

    def __init__(self, potential: Potential) -> None:
        self._potential = potential
        self.boundary = potential.boundary

    @property
    def name(self) -> str:
        return self._potential.name

    def start(self) -> bytes:
        return b""

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        return state + new_bytes

    def prefix(self, state: bytes) -> float:
        return self._potential.prefix(decode_more(b"", state)[0])

    def complete(self, state: bytes) -> float:
        return self._potential.complete(state.decode("utf-8", "replace"))

    def batch_prefix(self, states: Sequence[bytes]) -> Sequence[float]:
        return self._potential.batch_prefix([decode_more(b"", s)[0] for s in states])

    def batch_complete(self, states: Sequence[bytes]) -> Sequence[float]:
        return self._potential.batch_complete([s.decode("utf-8", "replace") for s in states])
