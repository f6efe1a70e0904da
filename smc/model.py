"""What a language model is to the engine: a vocabulary, and rows that grow by one token.

A backend never sees a particle, a weight or the meaning of a potential; the engine never sees a
logit. Between them pass row indices, token ids, masks and uniforms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from smc.errors import VocabularyError

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]

Prompt = str | Sequence[Mapping[str, str]] | Sequence[int]
"""Plain text, chat messages (`{"role": …, "content": …}`), or token ids."""

HOLD = -1
"""As a token of `Decoding.advance`: the row stays as it is (a paused particle)."""


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

    def ending_with(self, stop: Sequence[str]) -> Vocabulary:
        """Return this vocabulary with every token that starts with a stop string as EOS."""
        marks = tuple(s.encode() for s in stop)
        if not marks:
            return self
        found = (i for i, b in enumerate(self.tokens) if b and b.startswith(marks))
        return Vocabulary(self.tokens, tuple(sorted({*self.eos_ids, *found})))


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


@dataclass(frozen=True)
class DrawRequest:
    """What to draw from the rows of a batch, and how.

    Attributes:
        rows: `[M]` the row of each draw; rows may be drawn from any number of times, or never.
        uniforms: `[M]` in [0, 1): each draw is the inverse CDF of its row at its uniform.
        mask: `[R, W]` packed token masks of all rows, or None where every token is allowed.
        log_scores: `[R, V]` finite or −inf log weights of all tokens, or None.
        temperature: Of the proposal, on the model's log probabilities; 1 draws from the model.
            One for all rows, or `[R]`.
    """

    rows: IntArray
    uniforms: FloatArray
    mask: NDArray[np.uint32] | None = None
    log_scores: NDArray[np.float32] | None = None
    temperature: float | FloatArray = 1.0

    def part(self, rows: IntArray) -> tuple[IntArray, DrawRequest]:
        """Return the draws that concern some rows, and a request for them over those rows alone.

        Args:
            rows: `[B]` rows of this request, in the order of those of the new one.

        Returns:
            `[m]` indices of draws of this request, and the request for these.
        """
        place = np.full(max(int(rows.max(initial=-1)), int(self.rows.max(initial=-1))) + 1, -1)
        place[rows] = np.arange(len(rows))
        places = place[self.rows]
        which = np.flatnonzero(places >= 0)
        hot = self.temperature
        part = DrawRequest(
            rows=places[which],
            uniforms=self.uniforms[which],
            mask=None if self.mask is None else self.mask[rows],
            log_scores=None if self.log_scores is None else self.log_scores[rows],
            temperature=hot[rows] if isinstance(hot, np.ndarray) else hot,
        )
        return which, part


@dataclass(frozen=True)
class Draws:
    """What comes back from the device: nothing of the vocabulary's size.

    Attributes:
        tokens: `[M]` token ids; −1 where the row's request leaves no mass.
        log_weights: `[M]` log of p·φ/q at the token drawn, that is the incremental weight. At
            temperature 1 it is the log normaliser of the row; −inf where there is no mass.
        log_probs: `[M]` log p of the token drawn, under the model; −inf where there is no mass.
            None from a backend that cannot tell.
    """

    tokens: IntArray
    log_weights: FloatArray
    log_probs: FloatArray | None = None


class Decoding(Protocol):
    """A batch of rows (token prefixes) and their cache; the logits never leave it."""

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """Replace the batch: new row r is old row `parents[r]` followed by `tokens[r]`.

        One call is extension, fork (a parent named twice), drop (a parent not named) and reorder.
        A token of `HOLD` keeps the row as it is. The forward pass may still run on return.

        Args:
            parents: `[R']` indices into the current rows.
            tokens: `[R']` token ids or `HOLD`.
        """
        ...

    def draw(self, request: DrawRequest, /) -> Draws:
        """Draw tokens from the current rows as the request says."""
        ...

    def join(self, other: Decoding) -> bool:
        """Take over the rows of another decoding, which has not advanced yet, behind its own.

        What this one's rows have computed stays. The other may be of a model with another
        temperature, top_p or top_k: each row keeps its own.

        Args:
            other: Of no use afterwards, if it was taken over.

        Returns:
            Whether it was; if not (another network, or a cache that cannot grow by rows), nothing
            has changed, and the two go on side by side.
        """
        ...

    def log_probs(self) -> FloatArray:
        """`[R, V]` log p(next token | row): for tests and callers who want the whole row."""
        ...


@runtime_checkable
class BlockDecoding(Decoding, Protocol):
    """A decoding that can take several tokens a row at once, and say what they weigh."""

    def extend(self, parents: IntArray, tokens: IntArray) -> FloatArray:
        """Replace the batch: new row r is old row `parents[r]` followed by its tokens.

        As `advance`, with a block of tokens in the place of one: where the network allows it, in
        one forward pass.

        Args:
            parents: `[R']` indices into the current rows.
            tokens: `[R', k]` token ids; `HOLD`s, which are skipped, come first in a row.

        Returns:
            `[R', k]` log p of each token given all that is before it; 0 for a `HOLD`.
        """
        ...


class LanguageModel(Protocol):
    """p(x | prompt), one token after another."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The token ids and their bytes."""
        ...

    def start(self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int) -> Decoding:
        """Prefill the prompts; row r of the decoding is `prompts[r]`.

        Args:
            prompts: One per row; equal prompts are prefilled once.
            vocabulary: The model's own, or that with further EOS ids (`ending_with`).
            max_tokens: How many tokens may follow, to check against the context length.

        Raises:
            PromptError: A prompt is empty or does not fit the context with `max_tokens`.
        """
        ...
