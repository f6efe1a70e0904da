"""Token names: the tokens of a vocabulary that may end a property name, looked up by spelling."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from potentials.grammar.schema.duplicates import BACKSLASH, QUOTE, Scan, spellings

# Where a token is read: in a string or not, and right after a backslash or not.
_PLACES = ((False, False), (True, False), (True, True))


class TokenNames:
    """Which tokens of a vocabulary may end a name.

    Args:
        tokens: `[V]` the bytes of each id.
    """

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        self.tokens = tokens
        quoting = [(t, i) for i, t in enumerate(tokens) if t and QUOTE in t]
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
        elif byte == BACKSLASH:
            escaped = in_string
        elif byte == QUOTE:
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
