"""A language model that runs in lockstep share: their rows are one decoding, stepped together.

Each run has a decoding of its own to hold. Behind it stand some of the rows of the common one,
which advances for those that ask and holds the others, and draws for all that ask in one pass.
"""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from benchmarks.lockstep.desk import Lockstep, Request
from smc.model import (
    HOLD,
    Decoding,
    DrawRequest,
    Draws,
    FloatArray,
    IntArray,
    LanguageModel,
    Prompt,
    Vocabulary,
    mask_width,
)


class LockstepModel:
    """See `smc.model.LanguageModel`.

    Attributes:
        pool: The common decoding.

    Args:
        desk: Where the runs meet.
        model: What they share.
    """

    def __init__(self, desk: Lockstep, model: LanguageModel) -> None:
        self.desk = desk
        self.pool = Pool(model)

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's."""
        return self.pool.model.vocabulary

    def start(self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int) -> Decoding:
        """See `LanguageModel.start`; with the prompts of the other runs, if they start too."""
        part = _Part(self.desk, self.pool)
        self.desk.wait(_Start(part, prompts, vocabulary, max_tokens))
        return part


class _Part:
    """The rows of one run in the common decoding."""

    def __init__(self, desk: Lockstep, pool: Pool) -> None:
        self._desk, self.pool = desk, pool

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        self._desk.wait(_Advance(self, parents, tokens))

    def draw(self, request: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        asked = _Draw(self, request)
        self._desk.wait(asked)
        assert asked.draws is not None
        return asked.draws

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`; never."""
        return False

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`."""
        return self.pool.log_probs(self)


class Pool:
    """The common decoding, and whose rows it has, in order."""

    def __init__(self, model: LanguageModel) -> None:
        self.model = model
        self._decoding: Decoding | None = None
        self._parts: list[tuple[weakref.ref[_Part], int]] = []

    @property
    def num_rows(self) -> int:
        """Rows of the common decoding."""
        return sum(size for _, size in self._parts)

    def start(
        self, part: _Part, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int
    ) -> None:
        """Add the rows of a part."""
        new = self.model.start(prompts, vocabulary, max_tokens)
        if self._decoding is None or all(ref() is None for ref, _ in self._parts):
            self._decoding, self._parts = new, []
        elif not self._decoding.join(new):
            raise ValueError("lockstep: decodings of this model cannot be joined; run one by one.")
        self._parts.append((weakref.ref(part), len(prompts)))

    def advance(self, wanted: dict[_Part, tuple[IntArray, IntArray]]) -> None:
        """Advance some parts; the others are held, and rows that no run has are dropped."""
        parents, tokens, parts = [], [], []
        for part, rows in self._rows():
            if part is None:
                continue
            held = np.arange(len(rows)), np.full(len(rows), HOLD)
            own_parents, own_tokens = wanted.get(part, held)
            parents.append(rows[own_parents])
            tokens.append(own_tokens)
            parts.append((weakref.ref(part), len(own_parents)))
        self._parts = parts
        assert self._decoding is not None
        self._decoding.advance(np.concatenate(parents), np.concatenate(tokens))

    def draw(self, wanted: dict[_Part, DrawRequest]) -> dict[_Part, Draws]:
        """Draw for some parts in one pass."""
        asked = [(p, rows, wanted[p]) for p, rows in self._rows() if p is not None and p in wanted]
        size = self.num_rows
        width = len(self.model.vocabulary)
        temperature = np.ones(size)
        for _, rows, request in asked:
            temperature[rows] = request.temperature
        plan = DrawRequest(
            rows=np.concatenate([rows[r.rows] for _, rows, r in asked]),
            uniforms=np.concatenate([r.uniforms for _, _, r in asked]),
            temperature=temperature,
        )
        if any(r.mask is not None for _, _, r in asked):
            mask = np.full((size, mask_width(width)), 0xFFFFFFFF, dtype=np.uint32)
            for _, rows, r in asked:
                mask[rows] = mask[rows] if r.mask is None else r.mask
            plan = replace(plan, mask=mask)
        if any(r.log_scores is not None for _, _, r in asked):
            scores = np.zeros((size, width), dtype=np.float32)
            for _, rows, r in asked:
                scores[rows] = 0 if r.log_scores is None else r.log_scores
            plan = replace(plan, log_scores=scores)
        assert self._decoding is not None
        draws = self._decoding.draw(plan)
        ends = np.cumsum([len(r.rows) for _, _, r in asked]).tolist()
        return {
            part: _part_of(draws, slice(end - len(request.rows), end))
            for (part, _, request), end in zip(asked, ends, strict=True)
        }

    def log_probs(self, part: _Part) -> FloatArray:
        """Those of a part's rows."""
        assert self._decoding is not None
        rows = next(rows for own, rows in self._rows() if own is part)
        return self._decoding.log_probs()[rows]

    def _rows(self) -> list[tuple[_Part | None, IntArray]]:
        """The rows of each part; None where no run has them any more."""
        found, first = [], 0
        for ref, size in self._parts:
            found.append((ref(), np.arange(first, first + size)))
            first += size
        return found


@dataclass(eq=False)
class _OfPool(Request):
    """A request of the rows of a part; those of one pool are served together."""

    part: _Part

    def key(self) -> Hashable:
        return type(self), id(self.part.pool)


@dataclass(eq=False)
class _Start(_OfPool):
    prompts: Sequence[Prompt]
    vocabulary: Vocabulary
    max_tokens: int
    rank: ClassVar[int] = 0

    @classmethod
    def serve(cls, group: Sequence[Any]) -> None:
        for r in group:
            r.part.pool.start(r.part, r.prompts, r.vocabulary, r.max_tokens)


@dataclass(eq=False)
class _Advance(_OfPool):
    parents: IntArray
    tokens: IntArray
    rank: ClassVar[int] = 1

    @classmethod
    def serve(cls, group: Sequence[Any]) -> None:
        group[0].part.pool.advance({r.part: (r.parents, r.tokens) for r in group})


@dataclass(eq=False)
class _Draw(_OfPool):
    request: DrawRequest
    draws: Draws | None = None
    rank: ClassVar[int] = 2

    @classmethod
    def serve(cls, group: Sequence[Any]) -> None:
        found = group[0].part.pool.draw({r.part: r.request for r in group})
        for r in group:
            r.draws = found[r.part]


def _part_of(draws: Draws, which: slice) -> Draws:
    log_probs = None if draws.log_probs is None else draws.log_probs[which]
    return replace(
        draws, tokens=draws.tokens[which], log_weights=draws.log_weights[which], log_probs=log_probs
    )
