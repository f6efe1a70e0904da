"""The growing key-value cache of a batch of rows that fork, drop, reorder and join.

The caches of `transformers` copy all keys and values at every token (concatenation) and at every
reorder. Here a layer owns a buffer with room to grow: a token writes one column, and a reorder
copies only the rows that change. Rows of another cache join behind, columns that no row has any
more are given back. Models with other layers than full attention keep their own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from smc.backends.hf.internals import empty_cache
from smc.model import IntArray

_COLUMNS_AT_ONCE = 64
_ROWS_AT_ONCE = 16


class _Buffer:
    """`[rows, heads, columns, dim]` with spare rows and columns, of which a block is in use."""

    def __init__(self, like: torch.Tensor) -> None:
        rows, heads, _, dim = like.shape
        self.rows = rows
        self._start = self._end = 0  # of the columns in use
        self._data = like.new_empty(rows, heads, 0, dim)

    @property
    def length(self) -> int:
        return self._end - self._start

    def used(self) -> torch.Tensor:
        return self._data[: self.rows, :, self._start : self._end]

    def append(self, columns: torch.Tensor) -> torch.Tensor:
        end = self._end + columns.shape[2]
        if end > self._data.shape[2]:
            self._allocate(self.used(), len(self._data), self.length + columns.shape[2])
            end = self._end + columns.shape[2]
        self._data[: self.rows, :, self._end : end] = columns
        self._end = end
        return self.used()

    def reorder(self, moves: _Moves) -> None:
        capacity = len(self._data)
        if moves.rows > capacity or 2 * moves.rows + _ROWS_AT_ONCE < capacity:
            chosen = self.used().index_select(0, moves.parents.to(self._data.device))
            self._allocate(chosen, _with_spare(moves.rows), self.length)
        elif len(moves.sources):
            source = moves.sources.to(self._data.device)
            target = moves.targets.to(self._data.device)
            used = self._data[:, :, self._start : self._end]
            used.index_copy_(0, target, used.index_select(0, source))
        self.rows = moves.rows

    def join(self, other: _Buffer) -> None:
        """Append rows; the last columns of both become one, zeros stand before the shorter."""
        old, rows, length = self.rows, self.rows + other.rows, max(self.length, other.length)
        if rows > len(self._data) or length > self._end:
            capacity = len(self._data) if rows <= len(self._data) else _with_spare(rows)
            self._allocate(self.used(), capacity, length, before=length - self.length)
        start = self._end - length
        self._data[:old, :, start : self._start] = 0  # masked, but NaN would count all the same
        self._data[old:rows, :, start : self._end - other.length] = 0
        self._data[old:rows, :, self._end - other.length : self._end] = other.used()
        self.rows, self._start = rows, start

    def trim(self, columns: int) -> None:
        """Drop the first columns."""
        self._start += columns
        if self._data.shape[2] > 2 * (self.length + _COLUMNS_AT_ONCE):
            self._allocate(self.used(), len(self._data), self.length)

    def cut(self, columns: int) -> None:
        """Keep the first columns alone."""
        self._end = self._start + columns

    def _allocate(self, content: torch.Tensor, rows: int, columns: int, *, before: int = 0) -> None:
        """Move the content to a new buffer for some rows and columns, and spare ones."""
        used, heads, length, dim = content.shape
        spare = max(_COLUMNS_AT_ONCE, columns // 2)
        self._data = content.new_empty(rows, heads, columns + spare, dim)
        self._data[:used, :, before : before + length] = content
        self._start, self._end = before, before + length


def _with_spare(rows: int) -> int:
    """Rows come one by one: a buffer that grew by each would be copied for each."""
    return rows + rows // 8


class _Moves:
    """A reorder, worked out once for all layers: which rows are overwritten by which."""

    def __init__(self, parents: IntArray, device: torch.device) -> None:
        self.rows = len(parents)
        self.parents = torch.from_numpy(parents).to(device)
        moved = np.flatnonzero(parents != np.arange(len(parents)))
        self.sources = torch.from_numpy(parents[moved]).to(device)
        self.targets = torch.from_numpy(moved).to(device)


class GrowingLayer(DynamicLayer):
    """A full-attention layer of the cache over two buffers."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """See `DynamicLayer.update`; the rows are those of the buffers."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        self.keys = self._key_buffer.append(key_states)
        self.values = self._value_buffer.append(value_states)
        return self.keys, self.values

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """See `DynamicLayer.lazy_initialization`."""
        self.dtype, self.device = key_states.dtype, key_states.device
        self._key_buffer, self._value_buffer = _Buffer(key_states), _Buffer(value_states)
        self.is_initialized = True

    def get_seq_length(self) -> int:
        """The number of columns."""
        return self._key_buffer.length if self.is_initialized else 0

    # A network's own code may call these; what they inherit would leave the buffers as they are.

    def reset(self) -> None:
        """Forget all columns."""
        self.is_initialized = False
        self.keys = self.values = None

    def crop(self, tokens_to_remove: int) -> None:
        """Drop the last columns: as many as a negative number says, or all behind a positive."""
        length = self.get_seq_length()
        left = min(tokens_to_remove, length) if tokens_to_remove > 0 else length + tokens_to_remove
        if self.is_initialized and left < length:
            self._key_buffer.cut(max(left, 0))
            self._value_buffer.cut(max(left, 0))
            self._show()

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Make row r a copy of row `beam_idx[r]`."""
        if self.is_initialized:
            parents = beam_idx.cpu().numpy().astype(np.int64)
            self.fork(_Moves(parents, self.device))

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows."""
        if self.is_initialized:
            self.reorder_cache(torch.arange(self._key_buffer.rows)[indices.cpu()])

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Repeat each row in place."""
        if self.is_initialized:
            self.reorder_cache(torch.arange(self._key_buffer.rows).repeat_interleave(repeats))

    def offload(self) -> None:
        """Not to be had: buffers stay on their device."""
        raise NotImplementedError("a growing layer stays on its device; expected no offloading.")

    def prefetch(self) -> None:
        """Not to be had: buffers stay on their device."""
        raise NotImplementedError("a growing layer stays on its device; expected no offloading.")

    def fork(self, moves: _Moves) -> None:
        """Reorder the rows."""
        if self.is_initialized:
            self._key_buffer.reorder(moves)
            self._value_buffer.reorder(moves)
            self._show()

    def join(self, other: GrowingLayer) -> None:
        """Append the rows of another layer."""
        self._key_buffer.join(other._key_buffer)
        self._value_buffer.join(other._value_buffer)
        self._show()

    def trim(self, columns: int) -> None:
        """Drop the first columns."""
        self._key_buffer.trim(columns)
        self._value_buffer.trim(columns)
        self._show()

    def _show(self) -> None:
        self.keys, self.values = self._key_buffer.used(), self._value_buffer.used()


def new_cache(config: Any) -> DynamicCache | None:
    """An empty cache with growing layers; None if some layer is not plain full attention."""
    return empty_cache(config, GrowingLayer)


def counts_columns(config: Any) -> bool:
    """Whether attention reaches back a number of columns, so that masked ones count as well.

    That is, inside the model: what the cache knows of windows shows in the kinds of its layers.
    """
    names = ("window_size", "attention_window_size", "local_attention")
    return any(getattr(config, name, None) is not None for name in names)


def is_growing(cache: Any) -> bool:
    """Whether every layer is a growing one."""
    layers = getattr(cache, "layers", None)
    return bool(layers) and all(type(layer) is GrowingLayer for layer in layers)


def reorder(cache: Any, parents: IntArray, device: torch.device) -> None:
    """Make row r of the cache a copy of its row `parents[r]`."""
    if is_growing(cache):
        moves = _Moves(parents, device)
        for layer in cache.layers:
            layer.fork(moves)
    else:
        cache.reorder_cache(torch.from_numpy(parents).to(device))


def join(cache: Any, other: Any) -> None:
    """Append the rows of a growing cache to another, columns aligned at their ends."""
    for layer, more in zip(cache.layers, other.layers, strict=True):
        layer.join(more)


def trim(cache: Any, columns: int) -> None:
    """Drop the first columns of a growing cache."""
    for layer in cache.layers:
        layer.trim(columns)
