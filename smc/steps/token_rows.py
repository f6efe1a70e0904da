"""Rows of one prompt's decoding, addressed by token ids and kept from one step to the next."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

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

Ids = tuple[int, ...]
"""Token ids behind the prompt."""


class TokenRows:
    """A decoding of one prompt whose rows are known by their token ids.

    Rows stay between calls, so that a step goes on from the cache that the last one left. A row
    that is gone is caught up with from its longest beginning that is left, in the worst case from
    the prompt.
    """

    def __init__(self, model: LanguageModel, prompt: Prompt, max_tokens: int) -> None:
        self._model = model
        self._prompt = prompt
        self._max_tokens = max_tokens
        self._decoding: Decoding | None = None
        self._index: dict[Ids, int] = {}
        self.passes = 0

    @property
    def vocabulary(self) -> Vocabulary:
        """The model's own."""
        return self._model.vocabulary

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self._index)

    def __contains__(self, ids: Ids) -> bool:
        return ids in self._index

    def row(self, ids: Ids) -> int:
        """Return the row that stands at these ids; it must be there."""
        return self._index[ids]

    def reach(self, wanted: Iterable[Ids], held: Iterable[Ids] = ()) -> None:
        """Have a row at each of the wanted ids, and keep those of the held ones that are there."""
        targets = list(dict.fromkeys(wanted))
        if not all(self._beginning(ids) is not None for ids in targets):
            self._restart()
        at: dict[Ids, Ids] = {ids: self._beginning(ids) or () for ids in targets}
        kept = [ids for ids in dict.fromkeys(held) if ids in self._index]
        while any(now != ids for ids, now in at.items()):
            nexts = {ids: ids[: len(now) + 1] for ids, now in at.items()}
            self.advance([*nexts.values(), *kept])
            at = nexts

    def advance(self, wanted: Sequence[Ids]) -> None:
        """Make the rows those at the wanted ids: each is there already, or one token ahead."""
        assert self._decoding is not None
        new = list(dict.fromkeys(wanted))
        parents, tokens = [], []
        for ids in new:
            here = self._index.get(ids)
            parents.append(self._index[ids[:-1]] if here is None else here)
            tokens.append(ids[-1] if here is None else HOLD)
        self._decoding.advance(np.asarray(parents, np.int64), np.asarray(tokens, np.int64))
        self._index = {ids: r for r, ids in enumerate(new)}
        self.passes += sum(token != HOLD for token in tokens)

    def draw(self, plan: DrawRequest) -> Draws:
        """Draw tokens from the rows; see `Decoding.draw`."""
        assert self._decoding is not None
        return self._decoding.draw(plan)

    def log_normalisers(self, plan: DrawRequest, draws: Draws) -> FloatArray:
        """`[M]` log Σᵥ pₜ(v) φ(v) of the row of each draw, with pₜ the model at temperature t.

        The weight of a draw of token v at temperature t is log Z + (1 − 1/t) log p(v), where
        Z = Σᵥ p(v)^(1/t) φ(v). So a draw without φ, and the probabilities of both tokens, give the
        ratio of Z with φ to Z without; nothing of the vocabulary's size leaves the device.

        Args:
            plan: What was drawn; its temperature is t.
            draws: What came of it.
        """
        free = self.draw(DrawRequest(plan.rows, plan.uniforms, temperature=plan.temperature))
        share = 1 - 1 / plan.temperature
        log_z, log_z_free = (
            d.log_weights - share * self._log_probs_of(plan.rows, d.tokens) for d in (draws, free)
        )
        return np.where(draws.tokens < 0, -np.inf, log_z - log_z_free)

    def _log_probs_of(self, rows: IntArray, tokens: IntArray) -> FloatArray:
        """`[M]` log p of tokens at rows, 0 for none; a mask that leaves one token weighs it."""
        width = len(self.vocabulary)
        log_probs = np.zeros(len(tokens))
        pairs = {(r, t) for r, t in zip(rows.tolist(), tokens.tolist(), strict=True) if t >= 0}
        while pairs:  # a mask a row: tokens of the same row take turns
            turn = dict(pairs)
            pairs -= turn.items()
            where, only = np.fromiter(turn, np.int64), np.fromiter(turn.values(), np.int64)
            mask = np.zeros((self.size, mask_width(width)), dtype=np.uint32)
            mask[where, only // 32] = np.uint32(1) << (only % 32).astype(np.uint32)
            weights = self.draw(DrawRequest(where, np.full(len(where), 0.5), mask)).log_weights
            for r, t, w in zip(where.tolist(), only.tolist(), weights.tolist(), strict=True):
                log_probs[(rows == r) & (tokens == t)] = w
        return log_probs

    def _restart(self) -> None:
        """Prefill the prompt anew; all rows are gone but the one behind it."""
        self._decoding = self._model.start([self._prompt], self.vocabulary, self._max_tokens)
        self._index = {(): 0}
        self.passes += 1

    def _beginning(self, ids: Ids) -> Ids | None:
        """The longest beginning that has a row."""
        sizes = range(len(ids), -1, -1)
        return next((ids[:n] for n in sizes if ids[:n] in self._index), None)
