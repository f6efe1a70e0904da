"""Shared-prefix attention: keys and values that rows have in common, attended to in one product.

Attention over a set of columns is a mean of values with weights exp(score) / Z. Over two sets it
is the mean of the two means with weights Z₁ and Z₂, so each set needs to give only its mean and
log Z, and the sets may be stored apart: a prefix once for all rows that begin with it, and each
row's own columns. The queries of all these rows are one matrix to the prefix, and the heads of a
group share its keys without repeating them.

Known as cascade or shared-prefix attention: Juravsky et al. (2024), Hydragen; Ye et al. (2024),
Cascade inference (FlashInfer). The merge is that of Dao et al. (2022), FlashAttention.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from smc.backends.hf.attention_kernels import are_one, attention, common, in_one, merged
from smc.backends.hf.internals import attention_function, register_attention

ATTENTION = "smc_shared_prefix"
"""The name under which `transformers` knows this attention."""

_PLAIN = "sdpa"
_ALTERS_SCORES = ("sliding_window", "softcap", "s_aux", "position_bias")
"""Arguments by which some models change the scores; such models are not served here."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Columns that some rows of a batch attend to beside their own.

    Attributes:
        keys: For each layer `[1, Hkv, L, D]`.
        values: For each layer `[1, Hkv, L, Dv]`.
        rows: `[r]` rows that attend to them; None for all.
    """

    keys: Sequence[torch.Tensor]
    values: Sequence[torch.Tensor]
    rows: torch.Tensor | None


class SharedPass:
    """What the attention layers of one forward pass need beside their arguments.

    Args:
        segments: What rows have in common.
        mask: `[R, S]`, 0 where a row has no token in an own column; None where each has one.
        width: Columns of this pass, the last of those S.
        length: S.
    """

    def __init__(
        self, segments: Sequence[Segment], mask: torch.Tensor | None, width: int, length: int
    ) -> None:
        self.segments = segments
        self.layers_done = 0
        self._mask = mask
        self._width = width
        self._length = length
        self._biases: dict[tuple[int, torch.dtype], torch.Tensor] = {}

    def bias(self, groups: int, query: torch.Tensor) -> torch.Tensor | None:
        """`[R or 1, 1, groups · width, S]` of 0 and −inf, what own columns a query sees; or None.

        A query always sees its own column: a row that is held in this pass computes nothing that
        is used, but softmax over nothing would be NaN.
        """
        if self._mask is None and self._width == 1:
            return None
        key = groups, query.dtype
        if key not in self._biases:
            self._biases[key] = self._visible(query.device).repeat(1, groups, 1)[:, None]
            self._biases[key] = torch.zeros_like(self._biases[key], dtype=query.dtype).masked_fill_(
                ~self._biases[key], -torch.inf
            )
        return self._biases[key]

    def _visible(self, device: torch.device) -> torch.Tensor:
        """`[R or 1, width, S]` which own columns each query may see."""
        column = torch.arange(self._length, device=device)
        own = torch.arange(self._length - self._width, self._length, device=device)[:, None]
        before = column <= own
        if self._mask is None:
            return before[None]
        return (self._mask[:, None, : self._length].bool() & before) | (column == own)


class TracedPass:
    """In the place of a `SharedPass` while a graph is made of the network: none is known yet."""


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    shared: SharedPass | TracedPass | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attend to own columns and to shared ones; plainly where nothing is shared.

    Args:
        module: A network's attention layer.
        query: `[R, H, Q, D]`.
        key: `[R, Hkv, S, D]` of own columns.
        value: `[R, Hkv, S, Dv]`.
        attention_mask: Of the network's making; the pass has its own.
        scaling: Of the scores; 1/√D where it is None.
        shared: The pass, as it was handed to the network's `forward`.
        options: What else a network says.

    Returns:
        `[R, Q, H, Dv]`, and no attention weights.

    Raises:
        NotImplementedError: The network changes the scores in a way that this cannot follow.
    """
    if shared is None:
        return attention_function(_PLAIN)(
            module, query, key, value, attention_mask, scaling=scaling, **options
        )
    altered = [name for name in _ALTERS_SCORES if options.get(name) is not None]
    if altered:
        raise NotImplementedError(f"attention with {altered[0]}={options[altered[0]]!r}")
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if isinstance(shared, TracedPass):
        return torch.ops.smc.attend_in_pass(query, key, value, module.layer_idx, scale), None
    return attend_in(shared, module.layer_idx, query, key, value, scale), None


def attend_in(
    shared: SharedPass,
    layer: int,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scale: float,
) -> torch.Tensor:
    """`[R, Q, H, Dv]` of `attend`, in a layer of a pass."""
    rows, heads, width, _ = query.shape
    groups = heads // key.shape[1]
    grouped = query.reshape(rows, key.shape[1], groups * width, -1)
    bias = shared.bias(groups, query)
    shared.layers_done += 1
    parts = [(s.keys[layer], s.values[layer]) for s in shared.segments]
    if all(segment.rows is None for segment in shared.segments) and are_one(grouped, parts, value):
        mean = in_one(grouped, (key, value), parts, bias, scale)
        return mean.reshape(rows, heads, width, -1).transpose(1, 2).contiguous()
    mean, log_z = attention(grouped, key, value, bias, scale)
    for segment, (keys, values) in zip(shared.segments, parts, strict=True):
        if segment.rows is None:
            mean, log_z = merged((mean, log_z), common(grouped, keys, values, scale))
            continue
        part = common(grouped[segment.rows], keys, values, scale)
        mean_here, log_z_here = merged((mean[segment.rows], log_z[segment.rows]), part)
        mean = mean.index_copy(0, segment.rows, mean_here)
        log_z = log_z.index_copy(0, segment.rows, log_z_here)
    out = mean.to(query.dtype).reshape(rows, heads, width, -1)
    return out.transpose(1, 2).contiguous()


register_attention(ATTENTION, attend, masks_of=_PLAIN)
