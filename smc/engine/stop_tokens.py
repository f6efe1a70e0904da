"""Tokens that go on into a stop string, or complete one: looked up in the vocabulary once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from smc.engine.stop_strings import StopReading, StopStrings
from smc.model import IntArray, Vocabulary

_NONE = -1


@dataclass(frozen=True)
class StopTokens:
    """The tokens whose scores a potential cannot tell, of texts that end in one way.

    Attributes:
        ids: `[S]` the tokens.
        ends: `[S]` whether the token completes a stop string.
        texts: `[T]` distinct texts behind the one that the potential is asked about.
        released: `[S]` index of the text that the token leaves for good.
        finals: `[S, K]` indices of the texts that a stop string may leave; repeated to fill up.
        guards: `[T]` a token that begins the text, without which it cannot be; −1: none known.
        whole: `[T]` whether that token is all of the text.
    """

    ids: IntArray
    ends: NDArray[np.bool_]
    texts: tuple[bytes, ...]
    released: IntArray
    finals: IntArray
    guards: IntArray
    whole: NDArray[np.bool_]

    @cached_property
    def empty(self) -> int | None:
        """The index of the empty text, where it is one of them."""
        return self.texts.index(b"") if b"" in self.texts else None


class StopTable:
    """What the tokens of a vocabulary lead to; made once for a vocabulary and its stop strings."""

    def __init__(self, vocabulary: Vocabulary, strings: StopStrings) -> None:
        self._vocabulary, self.strings = vocabulary, strings
        self._by_held: dict[bytes, StopTokens] = {}
        self.eos = np.asarray(vocabulary.eos_ids[:1], dtype=np.int64)

    def concerns(self, held: bytes) -> bool:
        """Whether any token's score is another beside what is held back."""
        return bool(held) or len(self.inside().ids) > 0

    @cached_property
    def slack(self) -> int | None:
        """How many tokens more the text before a stop string may take than the token it ends in.

        A text that ends in the middle of a token may have no token of its own for its last part.
        None: it cannot be spelt, so that nothing is known.
        """
        counts = [self._count(text) for text in self.inside().texts]
        return None if None in counts else max((c - 1 for c in counts if c), default=0)

    def _count(self, text: bytes) -> int | None:
        """In how many tokens a text can be spelt, each as long as can be."""
        count = 0
        while text:
            guard = self._guard(text)
            if guard == _NONE:
                return None
            text = text[len(self._vocabulary.tokens[guard] or b"") :]
            count += 1
        return count

    def inside(self) -> StopTokens:
        """Return the tokens with a stop string, or the beginning of one, in them."""
        if b"" not in self._by_held:
            strings, tokens = self.strings, self._vocabulary.tokens
            parts = [re.escape(m) for m in strings.marks]
            parts += [re.escape(b) + rb"\Z" for b in strings.beginnings]
            search, eos = re.compile(b"|".join(parts), re.DOTALL).search, self._vocabulary.eos_set
            found = [i for i, b in enumerate(tokens) if b and search(b) and i not in eos]
            self._by_held[b""] = self._table(b"", found)
        return self._by_held[b""]

    def behind(self, held: bytes) -> StopTokens:
        """Return the tokens that go on into a stop string from what is held back."""
        if held not in self._by_held:
            ends = [held[at:] for at in self.strings.places(held)]
            rests = {m[len(e) :] for m in self.strings.marks for e in ends if m.startswith(e)}
            begins = {rest[:size] for rest in rests for size in range(1, len(rest) + 1)}
            tokens = enumerate(self._vocabulary.tokens)
            found = [i for i, b in tokens if b and (b.startswith(tuple(rests)) or b in begins)]
            self._by_held[held] = self._table(held, found)
        return self._by_held[held]

    def _table(self, held: bytes, found: Sequence[int]) -> StopTokens:
        """Read some tokens behind what is held back, and keep those that go on into a stop."""
        eos, texts = self._vocabulary.eos_set, dict[bytes, int]()
        ids, ends, released, finals = [], [], [], []
        for token in found:
            reading = self.strings.read(held, self._vocabulary.tokens[token] or b"")
            if held and len(reading.released) >= len(held):
                continue  # what is held back becomes text
            if not reading.ends and (token in eos or not reading.held):
                continue  # an end of sequence is one, unless it completes a stop string
            ids.append(token)
            ends.append(reading.ends)
            released.append(texts.setdefault(reading.released, len(texts)))
            finals.append([texts.setdefault(t, len(texts)) for t in self._final(reading)])
        width = max(map(len, finals), default=1)
        guards = [_NONE if held else self._guard(t) for t in texts]
        known = list(zip(texts, guards, strict=True))
        return StopTokens(
            np.asarray(ids, dtype=np.int64),
            np.asarray(ends, dtype=np.bool_),
            tuple(texts),
            np.asarray(released, dtype=np.int64),
            np.asarray([f + f[:1] * (width - len(f)) for f in finals], np.int64).reshape(-1, width),
            np.asarray(guards, dtype=np.int64),
            np.asarray([self._by_bytes.get(t, _NONE) == g != _NONE for t, g in known], np.bool_),
        )

    def _final(self, reading: StopReading) -> list[bytes]:
        """The texts that a stop string may leave."""
        if reading.ends:
            return [reading.released]
        return [reading.released + reading.held[:at] for at in self.strings.places(reading.held)]

    def _guard(self, text: bytes) -> int:
        sizes = range(len(text), 0, -1)
        return next((self._by_bytes[text[:n]] for n in sizes if text[:n] in self._by_bytes), _NONE)

    @cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        eos = self._vocabulary.eos_set
        return {b: i for i, b in enumerate(self._vocabulary.tokens) if b and i not in eos}


@lru_cache(maxsize=8)
def stop_table(vocabulary: Vocabulary, strings: tuple[str, ...]) -> StopTable:
    """Return the table of a vocabulary (with the tokens that begin with a stop string as EOS)."""
    return StopTable(vocabulary, StopStrings(strings))
