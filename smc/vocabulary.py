"""Vocabularies: token ids, the bytes they stand for, the ends of a sequence, and packed masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smc.errors import VocabularyError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Vocabulary:
    """Token ids, the bytes they stand for, and which of them end a sequence.

    Attributes:
        tokens: `[V]` the bytes of each id; None for an id that is not text (special, unused,
            empty). Such ids are outside the model: a backend gives them probability zero and
            normalises over the rest.
        eos_ids: Ids that end a sequence. Together they are one event, "the text is complete";
            their bytes are not part of the text.

    Raises:
        VocabularyError: No EOS id, or one out of range.
    """

    tokens: tuple[bytes | None, ...]
    eos_ids: tuple[int, ...]
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.eos_ids:
            raise VocabularyError(
                "vocabulary: no end-of-sequence token, so no sequence could ever be complete; "
                "expected at least one id in `eos_ids`. Name one: that of a newline, say."
            )
        bad = [i for i in self.eos_ids if not 0 <= i < len(self.tokens)]
        if bad:
            raise VocabularyError(
                f"vocabulary: EOS ids {bad} are outside 0..{len(self.tokens) - 1}; "
                "expected ids of this vocabulary."
            )
        object.__setattr__(self, "_hash", hash((self.tokens, self.eos_ids)))

    def __hash__(self) -> int:
        return self._hash

    def __reduce__(self) -> tuple[type[Vocabulary], tuple[Any, ...]]:
        return Vocabulary, (self.tokens, self.eos_ids)  # hashes differ between processes

    def __len__(self) -> int:
        return len(self.tokens)

    @cached_property
    def suppressed(self) -> IntArray:
        """Ids that are neither text nor EOS: outside the model."""
        eos = set(self.eos_ids)
        ids = [i for i, b in enumerate(self.tokens) if not b and i not in eos]
        return np.asarray(ids, dtype=np.int64)

    @cached_property
    def eos_set(self) -> frozenset[int]:
        """The EOS ids, to ask for one."""
        return frozenset(self.eos_ids)

    @cached_property
    def eos_mask(self) -> NDArray[np.uint32]:
        """`[W]` packed mask that allows the EOS ids alone (see `TokenScores`)."""
        allowed = np.zeros(len(self), dtype=bool)
        allowed[list(self.eos_ids)] = True
        return pack_mask(allowed)

    def token_of(self, text: bytes) -> int:
        """Return a token that is this text, and no end of sequence; −1: there is none."""
        return self._by_bytes.get(text, -1)

    def longest_tokens(self, text: bytes) -> list[int]:
        """Return the longest tokens, from left to right, that spell a text.

        Raises:
            VocabularyError: No token goes on at some place.
        """
        ids, at = [], 0
        while at < len(text):
            ends = range(min(len(text), at + self._longest), at, -1)
            found = (i for end in ends if (i := self._by_bytes.get(text[at:end])) is not None)
            token = next(found, None)
            if token is None:
                raise VocabularyError(
                    f"vocabulary: no token begins {text[at : at + 20]!r}; expected text that the "
                    "tokens can spell."
                )
            ids.append(token)
            at += len(self.tokens[token] or b"")
        return ids

    @cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        return {b: i for i, b in enumerate(self.tokens) if b and i not in self.eos_set}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_bytes), default=0)

    def ending_with(self, stop: Sequence[str]) -> Vocabulary:
        """Return this vocabulary with every token that starts with a stop string as EOS."""
        marks = tuple(s.encode() for s in stop)
        if not marks:
            return self
        found = (i for i, b in enumerate(self.tokens) if b and b.startswith(marks))
        return Vocabulary(self.tokens, tuple(sorted({*self.eos_ids, *found})))


def shared_vocabulary(own: Vocabulary, other: Vocabulary, who: str, which: str) -> Vocabulary:
    """Return a vocabulary as wide as another of the same tokens: trailing ids may be padding.

    Args:
        own: With a run's EOS ids, which the result has.
        other: That of a second model.
        who: Wants them to be the same; for messages.
        which: The second model, for messages.

    Raises:
        VocabularyError: A token is not the same in both, or an EOS id is beyond the other.
    """
    ends = {*own.eos_ids, *other.eos_ids}
    width = max(len(own), len(other))
    tokens, others = (v.tokens + (None,) * (width - len(v.tokens)) for v in (own, other))
    if tokens != others:
        for i, (one, its) in enumerate(zip(tokens, others, strict=True)):
            if i not in ends and one != its:
                raise VocabularyError(
                    f"{who}: token {i} is {one!r} to the model and {its!r} to {which}; expected "
                    "one vocabulary. Take a model of the same family, with the same tokenizer."
                )
    beyond = [i for i in own.eos_ids if i >= len(other)]
    if beyond:
        raise VocabularyError(
            f"{who}: the model's EOS ids {beyond} are outside the {len(other)} ids of {which}; "
            "expected ids that both have."
        )
    return Vocabulary(tokens[: len(other)], own.eos_ids)


def mask_width(size: int) -> int:
    """Number of 32-bit words in a packed mask over `size` tokens."""
    return (size + 31) // 32


def pack_mask(allowed: NDArray[np.bool_]) -> NDArray[np.uint32]:
    """Pack `[..., V]` booleans into `[..., W]` words; token i is bit `i % 32` of word `i // 32`."""
    size = allowed.shape[-1]
    padding = [(0, 0)] * (allowed.ndim - 1) + [(0, mask_width(size) * 32 - size)]
    packed = np.packbits(np.pad(allowed, padding), axis=-1, bitorder="little")
    return packed.view("<u4")


def unpack_mask(mask: NDArray[np.uint32], size: int) -> NDArray[np.bool_]:
    """Inverse of `pack_mask`: `[..., W]` words to `[..., size]` booleans."""
    packed = np.ascontiguousarray(mask).view(np.uint8)
    return np.unpackbits(packed, axis=-1, count=size, bitorder="little").view(np.bool_)
