"""The cached decoding: rows that grow, fork, drop and join over one key-value cache."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smc.backends.hf.cache import is_growing, join, reorder, trim
from smc.backends.hf.forward import Batch, Forward
from smc.backends.hf.logits_transform import LogitsTransform, RowTransforms
from smc.backends.hf.prefill import Prefilled, prefill
from smc.backends.hf.row_prefixes import RowPrefixes
from smc.backends.hf.rows import RecomputedDecoding, Rows, checked, extended, log_probs_of, ranked
from smc.model import HOLD, Decoding, FloatArray, IntArray
from smc.ranking import RankedTokens

_COLUMNS_AT_ONCE = 256
_SPARE_CELLS = 1 << 14
"""Cells (a row's column) of padding for which a forward pass of its own is not worth it."""


@torch.inference_mode()
def start_decoding(
    forward: Forward, transform: LogitsTransform, prompts: Sequence[tuple[int, ...]]
) -> CachedDecoding | RecomputedDecoding:
    """Prefill each distinct prompt once; row r of the decoding is `prompts[r]`."""
    if not prompts:
        return RecomputedDecoding(forward, transform, [])
    index = {prompt: i for i, prompt in enumerate(dict.fromkeys(prompts))}
    distinct = list(index)
    if not (forward.can_pad and forward.can_fork):
        return _recomputed(forward, transform, prompts)
    read = prefill(forward, distinct)
    if read.cache is None:
        return _recomputed(forward, transform, prompts)
    decoding = CachedDecoding(forward, transform, distinct, read)
    decoding.advance(
        np.array([index[p] for p in prompts]), np.full(len(prompts), HOLD, dtype=np.int64)
    )
    return decoding


def _recomputed(
    forward: Forward, transform: LogitsTransform, prompts: Sequence[tuple[int, ...]]
) -> RecomputedDecoding:
    warnings.warn(
        f"{forward.name}: its state cannot be padded or forked, so every step is recomputed from "
        "the first token. Expect it to be slow.",
        stacklevel=2,
    )
    return RecomputedDecoding(forward, transform, prompts)


class CachedDecoding(Rows):
    """Rows that share one cache, each a step of one token ahead of it.

    While all rows have the same length (one prompt, no holds) there is no mask and one position
    for all. Otherwise row r has its own position, and a mask says which columns of the cache are
    its: padding before a short prompt, and a masked column wherever it was held. Where a masked
    column would leave traces (a sliding window counts it, a recurrent state absorbs it), a hold
    costs a prefill of all rows instead, and no other rows can join.

    What rows share (a long prompt, or the beginning of several) is not in their columns but in
    prefixes, each stored once; columns hold what a row has beside them.

    Rows that join end at the last column like all others, with masked columns before the shorter
    ones. Columns before the first that any row has are dropped as rows leave. Where the padding
    would be much more than what it saves (a long prompt beside many short rows), rows do not join.
    """

    runs_ahead = True

    def __init__(
        self,
        forward: Forward,
        transform: LogitsTransform,
        rows: Sequence[tuple[int, ...]],
        read: Prefilled,
    ) -> None:
        self._forward = forward
        self._transforms = RowTransforms.of(transform, len(rows))
        self._set_prefilled(read)
        self._can_mask_columns = is_growing(self._cache) and forward.can_mask_columns
        self._ids = None if self._can_mask_columns else list(rows)
        self._every_position = torch.arange(0, device=forward.device)

    @property
    def kv_bytes(self) -> int:
        """Of the keys and values that the rows have, each stored tensor counted once."""
        own = [getattr(o, kind, None) for o in self._cache.layers for kind in ("keys", "values")]
        shared = [t for s in self._prefixes.segments for t in (*s.keys, *s.values)]
        return sum(t.numel() * t.element_size() for t in (*own, *shared) if t is not None)

    @torch.inference_mode()
    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`."""
        if not isinstance(other, CachedDecoding) or not self._may_join(other):
            return False
        width = max(self._columns, other._columns)
        alike = (self._columns, self._offset) == (other._columns, other._offset)
        if self._mask is not None or other._mask is not None or not alike:
            both = self._padded(width), other._padded(width)
            self._mask, self._positions = (torch.cat(pair) for pair in zip(*both, strict=True))
        shifts = (d._first + width - d._columns for d in (self, other))
        self._first = np.concatenate([*shifts])
        join(self._cache, other._cache)
        self._prefixes = self._prefixes.joined(other._prefixes)
        self.take_logits(other)
        self._rows += other._rows
        self._columns = width
        return True

    def _may_join(self, other: CachedDecoding) -> bool:
        if not (self._rows and other._rows and self._forward.runs_with(other._forward)):
            return False
        apart = self._rows * self._columns + other._rows * other._columns
        cells = (self._rows + other._rows) * max(self._columns, other._columns)
        worth_it = cells - apart <= max(apart, _SPARE_CELLS)
        return self._can_mask_columns and other._can_mask_columns and worth_it

    def _padded(self, width: int) -> tuple[torch.Tensor, torch.Tensor]:
        """`[R, width]` mask and `[R, 1]` positions, columns at the right."""
        mask = torch.zeros(self._rows, width, dtype=torch.int64, device=self._forward.device)
        if self._mask is None:
            mask[:, width - self._columns :] = 1
            return mask, torch.full_like(mask[:, :1], self._offset + self._columns)
        mask[:, width - self._columns :] = self._mask[:, : self._columns]
        return mask, self._positions

    @torch.inference_mode()
    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        held = tokens == HOLD
        if self._ids is not None:
            self._ids = extended(self._ids, parents, tokens)
        if len(parents) == 0 or held.all():
            self._reorder(parents)
            self._logits = self._logits[self._upload(parents)]
        elif held.any():
            self._advance_some(parents, tokens, held)
        else:
            self._reorder(parents)
            self._logits = self._step(tokens[:, None], None)[:, -1]

    @torch.inference_mode()
    def extend(self, parents: IntArray, tokens: IntArray) -> FloatArray:
        """See `BlockDecoding.extend`; one pass where columns can be masked."""
        if self._ids is not None or tokens.size == 0:
            return super().extend(parents, tokens)
        held = tokens == HOLD
        before = self._logits[self._upload(parents)]
        self._reorder(parents)
        logits = self._step(np.where(held, 0, tokens), held if held.any() else None)
        log_probs = log_probs_of(self._upload(tokens), before, logits)
        self._logits = torch.where(self._upload(held[:, -1:]), before, logits[:, -1])
        return checked(log_probs.cpu().numpy())

    @torch.inference_mode()
    def extend_ranked(self, parents: IntArray, tokens: IntArray, top: int) -> RankedTokens:
        """See `RankingDecoding.extend_ranked`; one pass where columns can be masked."""
        if self._ids is not None or tokens.size == 0:
            return super().extend_ranked(parents, tokens, top)
        before = self._logits[self._upload(parents)]
        self._reorder(parents)
        logits = self._step(tokens, None)
        self._logits = logits[:, -1]
        return ranked(tokens, torch.cat([before[:, None], logits[:, :-1]], dim=1), top)

    def _advance_some(self, parents: IntArray, tokens: IntArray, held: NDArray[np.bool_]) -> None:
        kept = self._logits[self._upload(parents[held])]
        if self._ids is None:
            self._reorder(parents)
            columns = np.where(held, 0, tokens)[:, None], held[:, None]
            logits = self._step(*columns)[:, -1]
        else:
            self._transforms = self._transforms.take(parents)
            batch = Batch.of(self._ids, self._forward.device)
            nothing = RowPrefixes.of([()] * len(self._ids), self._forward.device)
            self._set_prefilled(Prefilled(nothing, batch, *self._forward.prefill(batch)))
            logits = self._logits
        logits[self._upload(np.flatnonzero(held))] = kept
        self._logits = logits

    def _set_prefilled(self, read: Prefilled) -> None:
        batch, self._cache, self._prefixes = read.batch, read.cache, read.prefixes
        self._rows = len(batch.lengths)
        self._columns = batch.ids.shape[1]
        self._first = self._columns - np.asarray(batch.lengths)  # column of each row
        self._mask: torch.Tensor | None = None
        shared = self._prefixes.lengths
        self._offset = int(shared[0])  # tokens before the columns, where there is no mask
        if batch.padded or (shared != self._offset).any():
            self._mask = batch.mask
            self._positions = self._upload(shared + np.asarray(batch.lengths))[:, None]
        self._logits = self._transforms(read.logits)

    def _reorder(self, parents: IntArray) -> None:
        if len(parents) == self._rows and (parents == np.arange(self._rows)).all():
            return
        self._rows = len(parents)
        if self._rows == 0:
            return
        reorder(self._cache, parents, self._forward.device)
        self._transforms = self._transforms.take(parents)
        self._prefixes = self._prefixes.take(parents)
        self._first = self._first[parents]
        if self._mask is not None:
            unused = int(self._first.min()) if self._can_mask_columns else 0
            index = self._upload(parents)
            self._mask = self._mask[index, unused:]
            self._positions = self._positions[index]
            if unused:
                trim(self._cache, unused)
                self._columns -= unused
                self._first -= unused

    def _step(self, tokens: IntArray, held: NDArray[np.bool_] | None) -> torch.Tensor:
        """Run `[R, k]` tokens, of which some may be held; `[R, k, V]` transformed logits."""
        column, width = self._columns, tokens.shape[1]
        self._columns += width
        if held is not None and self._mask is None:
            shape = (self._rows, column)
            self._mask = torch.ones(shape, dtype=torch.int64, device=self._forward.device)
            place = self._offset + column
            self._positions = torch.full((self._rows, 1), place, device=self._forward.device)
        if self._mask is None:
            mask, positions = None, self._shared_positions(column)
        else:
            mask = self._mask_with_columns(column)
            if held is None:
                mask[:, column:] = 1
                positions = self._positions + torch.arange(width, device=mask.device)
                self._positions = self._positions + width
            else:
                active = self._upload(~held).long()
                mask[:, column:] = active
                passed = active.cumsum(1)
                positions = self._positions + passed - active
                self._positions = self._positions + passed[:, -1:]
        logits, self._cache = self._forward.step(
            self._upload(tokens), self._cache, mask, positions, self._prefixes
        )
        transforms = self._transforms
        if width > 1:
            transforms = transforms.take(np.arange(self._rows).repeat(width))
        return transforms(logits.flatten(0, 1)).unflatten(0, tokens.shape)

    def _mask_with_columns(self, first: int) -> torch.Tensor:
        """The mask with the newest columns, out of a tensor with spare ones."""
        assert self._mask is not None
        if self._columns > self._mask.shape[1]:
            spare = self._columns - first + max(_COLUMNS_AT_ONCE, first // 2)
            zeros = self._mask.new_zeros(self._rows, spare)
            self._mask = torch.cat([self._mask[:, :first], zeros], dim=1)
        return self._mask[:, : self._columns]

    def _shared_positions(self, first: int) -> torch.Tensor:
        """`[1, k]` positions of all rows, out of a tensor made once for many steps."""
        end = self._offset + self._columns
        if end > len(self._every_position):
            size = end + _COLUMNS_AT_ONCE
            self._every_position = torch.arange(size, device=self._forward.device)
        return self._every_position[None, self._offset + first : end]

    def _upload(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(self._forward.device)
