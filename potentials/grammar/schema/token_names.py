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
        self._read = [_Read(quoting, *place) for place in _PLACES]
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
        found = self._read[place].self_repeating.allowed(row)
        partial = scan.partial_name
        if partial is not None:
            # One that is spelt freely may be equal to what looks different.
            read = self._read[place]
            found += (read.going_on if BACKSLASH in partial else read.completing).allowed(row)
        inside = scan.inside
        while inside is not None:
            if inside.names:
                known = self._holding(inside.names, place)
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

    def _looked_up(self, names: frozenset[str], place: int) -> tuple[list[bytes], _Ids] | None:
        """Return how names are spelled, in order, and which tokens hold one; None if too many."""
        spelled: list[bytes] = []
        for name in names:
            ways = spellings(name)
            if ways is None:
                return None
            spelled += ways
        holding = self._read[place].holding
        return sorted(spelled), _Ids([i for t in spelled for i in holding.get(t, ())])


class _Read:
    """Tokens that end strings, read at one place.

    Args:
        tokens: Their bytes and ids.
        in_string: Whether the place is in a string.
        escaped: Whether right after a backslash.

    Attributes:
        holding: By its bytes, the tokens that hold a whole string, quotes included.
        self_repeating: Those that hold one string twice.
        going_on: Those that end the string which they are read in and hold another.
        completing: Of these, those where the other ends as the first does.
    """

    def __init__(self, tokens: Iterable[tuple[bytes, int]], in_string: bool, escaped: bool) -> None:
        self.holding: dict[bytes, list[int]] = {}
        self_repeating: list[int] = []
        going_on: list[int] = []
        completing: list[int] = []
        for token, i in tokens:
            ended = _strings_ended(token, in_string, escaped)
            whole = ended[in_string:]
            for string in dict.fromkeys(whole):
                self.holding.setdefault(string, []).append(i)
            if len(whole) > 1 and (_spelt_freely(whole) or len(set(whole)) < len(whole)):
                self_repeating.append(i)
            elif in_string and whole:
                going_on.append(i)
                first = ended[0]
                if _spelt_freely(ended) or any(string.endswith(first) for string in whole):
                    completing.append(i)
        self.self_repeating = _Ids(self_repeating)
        self.going_on, self.completing = _Ids(going_on), _Ids(completing)


def _spelt_freely(strings: Iterable[bytes]) -> bool:
    """Whether some strings may be equal that look different: é may be written as itself."""
    return any(BACKSLASH in string for string in strings)


def _strings_ended(token: bytes, in_string: bool, escaped: bool) -> list[bytes]:
    """Return the strings that a token ends, or what it has of the one that it is read in."""
    ended: list[bytes] = []
    begin = 0
    for at, byte in enumerate(token):
        if escaped:
            escaped = False
        elif byte == BACKSLASH:
            escaped = in_string
        elif byte == QUOTE:
            if in_string:
                ended.append(token[begin:at])
            in_string, begin = not in_string, at + 1
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
