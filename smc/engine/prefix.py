"""A token prefix, the unit that particles share, and what each potential knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

Trail = tuple["Trail", int] | None
"""Token ids as a linked list, last one first: beginnings that prefixes share are kept once."""


class PotentialState(NamedTuple):
    """What one potential knows of one prefix.

    Attributes:
        state: Of an incremental potential; None of one that reads the whole text.
        unread: Bytes since `state`: an expensive potential reads on only when it is evaluated.
        log_value: log φ when it was last evaluated.
        boundary_state: Of the potential's boundary.
        due: Whether the prefix stands at the boundary.
    """

    state: Any = None
    unread: bytes = b""
    log_value: float = 0.0
    boundary_state: Any = None
    due: bool = True


@dataclass(slots=True, eq=False)
class Prefix:
    """The tokens drawn so far, shared by all particles that have them.

    Attributes:
        trail: The tokens after the prompt.
        token: The last of them; −1 of the empty prefix.
        length: How many they are.
        raw: The bytes of the text, without those that are held back.
        text: `raw` decoded, without a UTF-8 character that is still incomplete.
        pending: The bytes of that character.
        states: One for each potential of the problem, at `raw`.
        parent_row: The row, when it was drawn, of the prefix without its last token.
        row: Its row in the current batch of the model; −1 before it has one.
        sync_state: State of the boundary at which particles wait for each other.
        waits: Whether this prefix stands at that boundary.
        held: Bytes behind `raw` that may be the beginning of a stop string.
    """

    trail: Trail
    token: int
    length: int
    raw: bytes
    text: str
    pending: bytes
    states: tuple[PotentialState, ...]
    parent_row: int = -1
    row: int = -1
    sync_state: Any = None
    waits: bool = False
    held: bytes = b""

    @classmethod
    def empty(cls, states: tuple[PotentialState, ...]) -> Prefix:
        """Return the prefix of no token."""
        return cls(None, -1, 0, b"", "", b"", states)

    @property
    def final_text(self) -> str:
        """The text if nothing follows: a cut-off character becomes U+FFFD."""
        return self.text + (self.pending + self.held).decode("utf-8", "replace")

    @property
    def tokens(self) -> tuple[int, ...]:
        """`[length]` token ids after the prompt."""
        ids: list[int] = []
        trail = self.trail
        while trail is not None:
            trail, token = trail
            ids.append(token)
        return tuple(reversed(ids))
