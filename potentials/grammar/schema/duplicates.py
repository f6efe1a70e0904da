"""Names that an object already has: a pushdown scan of the text, and the tokens that repeat one.

A context-free grammar cannot remember names. What it allows is cut down here to the tokens after
which every object's names can still be distinct.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

_QUOTE, _BACKSLASH = 0x22, 0x5C
_MOST_SPELLINGS = 256
# Where a token is read: in a string or not, and right after a backslash or not.
_PLACES = ((False, False), (True, False), (True, True))
_SPACES = b" \t\n\r"
_STRUCTURE = re.compile(rb'["{}\[\],]')
_STRING_END = re.compile(rb'["\\]')


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
        if not escaped and not (_STRUCTURE if string is None else _STRING_END).search(new_bytes):
            read = None if string is None else string + new_bytes
            return self if read is None else Scan(inside, expects, read, False, self.repeats)
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
        self._sorted = sorted(t for t, _ in quoting)
        self._ids_of: dict[bytes, list[int]] = {}
        for token, i in quoting:
            self._ids_of.setdefault(token, []).append(i)
        self._quoting = _Ids([i for _, i in quoting])
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
        self._self_repeating = [self._ending(self_repeating, place) for place in _PLACES]
        self._completing = [self._ending(completing, place) for place in _PLACES]
        self._holding = lru_cache(maxsize=1024)(self._looked_up)

    def repeating(self, scan: Scan, row: NDArray[np.uint32]) -> list[int]:
        """Return the allowed ids after which an object would have a name twice.

        Args:
            scan: Of the text before them.
            row: `[W]` packed mask of the allowed ids.
        """
        candidates = dict.fromkeys(self._candidates(scan, row))
        return [i for i in candidates if scan.then(self.tokens[i] or b"").repeats]

    def _candidates(self, scan: Scan, row: NDArray[np.uint32]) -> list[int]:
        place = _PLACES.index((scan.string is not None, scan.escaped))
        found = self._self_repeating[place].allowed(row)
        partial = scan.partial_name
        if partial is not None:
            found += self._completing[place].allowed(row)
        inside = scan.inside
        while inside is not None:
            if inside.names:
                known = self._holding(inside.names)
                if known is None:
                    return self._quoting.allowed(row)
                spelled, ids = known
                found += ids.allowed(row)
                if inside is scan.inside and partial is not None:
                    rests = [t[len(partial) :] + b'"' for t in _starting(partial, spelled)]
                    tokens = (t for rest in rests for t in _starting(rest, self._sorted))
                    found += _Ids([i for t in tokens for i in self._ids_of[t]]).allowed(row)
            inside = inside.outer
        return found

    def _looked_up(self, names: frozenset[str]) -> tuple[list[bytes], _Ids] | None:
        """Return how names are spelled, in order, and which tokens hold one; None if too many."""
        spelled: list[bytes] = []
        for name in names:
            ways = spellings(name)
            if ways is None:
                return None
            spelled += ways
        return sorted(spelled), _Ids([i for t in spelled for i in self._by_content.get(t, ())])

    def _ending(self, ids: Iterable[int], place: tuple[bool, bool]) -> _Ids:
        """Return those of some tokens that may end a name which is not looked up by its spelling.

        A name of which a part stands before the token is: so a second one must end.
        """
        least = 2 if place[0] else 1
        return _Ids([i for i in ids if _strings_ended(self.tokens[i] or b"", *place) >= least])


def _strings_ended(token: bytes, in_string: bool, escaped: bool) -> int:
    """Return how many strings a token ends, read in a string or outside."""
    ended = 0
    for byte in token:
        if escaped:
            escaped = False
        elif byte == _BACKSLASH:
            escaped = in_string
        elif byte == _QUOTE:
            ended += in_string
            in_string = not in_string
    return ended


class _Ids:
    """Some ids, to be looked up in packed masks."""

    def __init__(self, ids: Sequence[int]) -> None:
        self._ids = np.array(ids, dtype=np.int64)
        self._words = self._ids >> 5
        self._bits = np.uint32(1) << (self._ids & 31).astype(np.uint32)

    def allowed(self, row: NDArray[np.uint32]) -> list[int]:
        """Return those that a packed mask allows."""
        if not len(self._ids):
            return []
        return self._ids[(row[self._words] & self._bits).nonzero()[0]].tolist()


def _starting(beginning: bytes, texts: Sequence[bytes]) -> Iterator[bytes]:
    """Yield those of some texts, in order, that start with another."""
    for at in range(bisect_left(texts, beginning), len(texts)):
        if not texts[at].startswith(beginning):
            return
        yield texts[at]


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
    if _BACKSLASH not in raw:
        return raw.decode(errors="replace")
    try:
        return json.loads(b'"' + raw + b'"', strict=False)
    except ValueError:
        return raw.decode(errors="replace")
