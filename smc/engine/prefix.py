"""A token prefix and what the potentials know of it; shared by all particles that have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Reading:
    """What one potential knows of one prefix.

    Attributes:
        state: Of an incremental potential; None of one that reads the whole text.
        unread: Bytes since `state`: an expensive potential reads on only when it is asked.
        log_value: log φ when it was last asked.
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
    """A node of the tree of tokens drawn so far.

    Attributes:
        parent: The prefix without its last token; None at the root.
        token: The last token; −1 at the root.
        length: Number of tokens after the prompt.
        raw: The bytes of the text.
        text: `raw` decoded, without a UTF-8 character that is still incomplete.
        pending: The bytes of that character.
        readings: One for each potential of the problem.
        sync_state: State of the boundary at which particles wait for each other.
        waits: Whether this prefix stands at that boundary.
        row: Its row in the current batch of the model; −1 once it has none.
    """

    parent: Prefix | None
    token: int
    length: int
    raw: bytes
    text: str
    pending: bytes
    readings: tuple[Reading, ...]
    sync_state: Any = None
    waits: bool = False
    row: int = -1

    @property
    def final_text(self) -> str:
        """The text if nothing follows: a cut-off character becomes U+FFFD."""
        return self.text + self.pending.decode("utf-8", "replace")

    def forget(self) -> None:
        """Free what only a particle at this prefix needs; its descendants need the token.

        Otherwise a text of T tokens would be kept T times, once for each of its beginnings.
        """
        self.raw, self.text, self.pending, self.readings = b"", "", b"", ()

    @property
    def tokens(self) -> tuple[int, ...]:
        """`[length]` token ids after the prompt."""
        ids: list[int] = []
        node: Prefix | None = self
        while node is not None and node.parent is not None:
            ids.append(node.token)
            node = node.parent
        return tuple(reversed(ids))
