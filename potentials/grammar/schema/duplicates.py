"""Names that an object already has: a pushdown scan of the text, and the tokens that repeat one.

A context-free grammar cannot remember names. What it allows is cut down here to the tokens after
which every object's names can still be distinct.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

_QUOTE, _BACKSLASH = 0x22, 0x5C
_MOST_SPELLINGS = 256
_SPACES = b" \t\n\r"


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object or array that has not ended.

    Attributes:
        outer: What it stands in.
        names: Of an object, those that it has so far; None for an array.
    """

    outer: OpenObject | None
    names: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Scan:
    """A document read so far, as far as names matter.

    Attributes:
        inside: The innermost object or array.
        expects_name: Whether the next string is a name.
        string: The bytes of the string that has not ended; None outside of strings.
        escaped: Whether its last byte is a backslash that escapes the next.
        repeats: Whether an object has a name twice.
    """

    inside: OpenObject | None = None
    expects_name: bool = False
    string: bytes | None = None
    escaped: bool = False
    repeats: bool = False

    def then(self, new_bytes: bytes) -> Scan:
        """Return the scan after further bytes."""
        inside, expects, string, escaped = (
            self.inside,
            self.expects_name,
            self.string,
            self.escaped,
        )
        repeats, begin = self.repeats, 0
        for at, byte in enumerate(new_bytes):
            if string is not None:
                if escaped:
                    escaped = False
                elif byte == _BACKSLASH:
                    escaped = True
                elif byte == _QUOTE:
                    if expects and inside is not None and inside.names is not None:
                        name = _decoded(string + new_bytes[begin:at])
                        repeats = repeats or name in inside.names
                        inside = OpenObject(inside.outer, inside.names | {name})
                    string, expects = None, False
            elif byte == _QUOTE:
                string, begin = b"", at + 1
            elif byte == 0x7B:
                inside, expects = OpenObject(inside, frozenset()), True
            elif byte == 0x5B:
                inside, expects = OpenObject(inside, None), False
            elif byte in (0x7D, 0x5D):
                inside, expects = inside.outer if inside else None, False
            elif byte == 0x2C:
                expects = inside is not None and inside.names is not None
        if string is not None:
            string += new_bytes[begin:]
        return Scan(inside, expects, string, escaped, repeats)

    @property
    def partial_name(self) -> bytes | None:
        """The bytes of a name that has not ended."""
        return self.string if self.expects_name else None

    @property
    def names(self) -> frozenset[str]:
        """The names of the innermost object."""
        return (self.inside and self.inside.names) or frozenset()


class TokenNames:
    """Which tokens of a vocabulary may end a name.

    Args:
        tokens: `[V]` the bytes of each id.
    """

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        self.tokens = tokens
        quoting = [(t, i) for i, t in enumerate(tokens) if t and _QUOTE in t]
        self._sorted = sorted(quoting)
        self._by_content: dict[bytes, list[int]] = {}
        # Tokens that may hold one name twice, alone or after the beginning of a name.
        self_repeating: list[int] = []
        completing: list[int] = []
        for token, i in quoting:
            first, *contents, _last = token.split(b'"')
            for content in set(contents):
                self._by_content.setdefault(content, []).append(i)
            escapes = bool(contents) and b"\\" in token
            if len(set(contents)) < len(contents) or escapes:
                self_repeating.append(i)
            elif any(content.endswith(first) for content in contents):
                completing.append(i)
        self._self_repeating = np.array(self_repeating, dtype=np.int64)
        self._completing = np.array(completing, dtype=np.int64)

    def repeating(self, scan: Scan, row: NDArray[np.uint32]) -> Iterator[int]:
        """Yield the allowed ids after which an object would have a name twice.

        Args:
            scan: Of the text before them.
            row: `[W]` packed mask of the allowed ids.
        """
        for i in self._candidates(scan, row):
            if row[i >> 5] >> (i & 31) & 1 and scan.then(self.tokens[i] or b"").repeats:
                yield i

    def _candidates(self, scan: Scan, row: NDArray[np.uint32]) -> Iterable[int]:
        candidates = dict.fromkeys(_allowed(self._self_repeating, row))
        if scan.partial_name is not None:
            candidates.update(dict.fromkeys(_allowed(self._completing, row)))
        inside = scan.inside
        while inside is not None:
            for name in inside.names or ():
                ways = spellings(name)
                if ways is None:
                    return (i for _, i in self._sorted)
                for way in ways:
                    candidates.update(dict.fromkeys(self._by_content.get(way, ())))
                    if inside is scan.inside and scan.partial_name is not None:
                        rest = way.removeprefix(scan.partial_name)
                        if way.startswith(scan.partial_name):
                            candidates.update(dict.fromkeys(self._beginning(rest + b'"')))
            inside = inside.outer
        return candidates

    def _beginning(self, text: bytes) -> Iterator[int]:
        at = bisect_left(self._sorted, (text, -1))
        while at < len(self._sorted) and self._sorted[at][0].startswith(text):
            yield self._sorted[at][1]
            at += 1


def _allowed(ids: NDArray[np.int64], row: NDArray[np.uint32]) -> list[int]:
    bits = row[ids >> 5] >> (ids & 31).astype(np.uint32) & np.uint32(1)
    return ids[bits.astype(np.bool_)].tolist()


def has_fresh_name(scan: Scan, text: bytes, following: Callable[[bytes], Iterable[int]]) -> bool:
    """Return whether a name that the innermost object has not can still be written.

    Args:
        scan: Of the text, which expects a name or stands in one.
        text: The text.
        following: Gives the bytes that the grammar allows after a text.
    """
    used = {b'"' + s + b'"' for name in scan.names for s in spellings(name) or ()}
    written = b"" if scan.string is None else b'"' + scan.string
    while not written and not set(following(text)) - set(_SPACES):
        text += bytes(list(following(text))[:1])  # white space that must stand before the name
    stack = [written]
    while stack:
        here = stack.pop()
        for byte in following(text + here[len(written) :]):
            longer = here + bytes([byte])
            if longer in used or (not here and byte in _SPACES):
                continue
            if not any(u.startswith(longer) for u in used):
                return True
            stack.append(longer)
    return False


@lru_cache(maxsize=4096)
def spellings(name: str) -> tuple[bytes, ...] | None:
    """Return the ways in which a name may stand between its quotes; None if they are too many."""
    parts: list[list[bytes]] = []
    ways = 1
    for char in name:
        escaped = json.dumps(char)[1:-1].encode()
        raw = [] if char in '"\\' or char < " " else [char.encode("utf-8", "surrogatepass")]
        parts.append(list(dict.fromkeys([*raw, escaped])))
        ways *= len(parts[-1])
        if ways > _MOST_SPELLINGS:
            return None
    return tuple(b"".join(p) for p in product(*parts))


def _decoded(raw: bytes) -> str:
    try:
        return json.loads(b'"' + raw + b'"', strict=False)
    except ValueError:
        return raw.decode(errors="replace")
