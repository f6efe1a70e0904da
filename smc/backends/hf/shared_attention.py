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

from smc.backends.hf.internals import attention_function, register_attention

ATTENTION = "smc_shared_prefix"
"""The name under which `transformers` knows this attention."""

_PLAIN = "sdpa"
_ALTERS_SCORES = ("sliding_window", "softcap", "s_aux", "position_bias")
"""Arguments by which some models change the scores; such models are not served here."""

_LONG = 512
"""Columns from which on a CPU in bfloat16 two large products are faster than many small ones."""

_SCORES_AT_ONCE = 1 << 22
"""Of a layer, 8 MB: more would fall out of a CPU's cache between one operation and the next."""


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


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    shared: SharedPass | None = None,
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
    rows, heads, width, _ = query.shape
    groups = heads // key.shape[1]
    grouped = query.reshape(rows, key.shape[1], groups * width, -1)
    mean, log_z = _attention(grouped, key, value, shared.bias(groups, query), scale)
    for segment in shared.segments:
        keys, values = segment.keys[module.layer_idx], segment.values[module.layer_idx]
        if segment.rows is None:
            mean, log_z = _merged((mean, log_z), _common(grouped, keys, values, scale))
            continue
        part = _common(grouped[segment.rows], keys, values, scale)
        mean_here, log_z_here = _merged((mean[segment.rows], log_z[segment.rows]), part)
        mean = mean.index_copy(0, segment.rows, mean_here)
        log_z = log_z.index_copy(0, segment.rows, log_z_here)
    shared.layers_done += 1
    out = mean.to(query.dtype).reshape(rows, heads, width, -1)
    return out.transpose(1, 2).contiguous(), None


def _common(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of `[r, Hkv, G, D]` queries to `[1, Hkv, L, D]` keys: one product for all rows."""
    rows, heads, groups, _ = query.shape
    flat = query.transpose(0, 1).reshape(1, heads, rows * groups, -1)
    mean, log_z = _attention(flat, keys, values, None, scale)
    mean = mean.view(heads, rows, groups, -1).transpose(0, 1)
    return mean, log_z.view(heads, rows, groups).transpose(0, 1)


def _merged(
    one: tuple[torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The attention over two sets of columns from that over each."""
    share = torch.sigmoid(other[1] - one[1])[..., None]
    return torch.lerp(one[0], other[0], share), torch.logaddexp(one[1], other[1])


def _attention(
    query: torch.Tensor,
    keys: torch.Tensor,
    values: torch.Tensor,
    bias: torch.Tensor | None,
    scale: float,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Float32 mean of the values `[B, H, Q, Dv]` and log normaliser `[B, H, Q]` of the scores."""
    kernels = torch.ops.aten
    one_size = query.shape[-1] == values.shape[-1]
    if query.device.type == "cpu" and one_size:
        if bias is None and _are_many(query, keys):
            return _by_scores(query, keys, values, scale)
        mean, log_z = kernels._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, 0.0, False, attn_mask=bias, scale=scale
        )
        return mean.float(), log_z.float()
    half = query.dtype in (torch.float16, torch.bfloat16)
    if query.device.type == "cuda" and bias is None and half and one_size:
        mean, log_z, *_ = kernels._scaled_dot_product_flash_attention(
            query, keys, values, 0.0, False, scale=scale
        )
        return mean.float(), log_z.float()
    scores = (query.float() @ keys.float().transpose(-1, -2)) * scale
    if bias is not None:
        scores = scores + bias
    log_z = scores.logsumexp(-1)
    return (scores - log_z[..., None]).exp_() @ values.float(), log_z


def _are_many(query: torch.Tensor, keys: torch.Tensor) -> bool:
    """Whether two products of all keys and values are faster than block by block (measured)."""
    rows, heads, queries, _ = query.shape
    columns = keys.shape[2]
    half = query.dtype == torch.bfloat16
    return half and rows == 1 and columns >= _LONG and heads * queries * columns <= _SCORES_AT_ONCE


def _by_scores(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same of one row in two products, with scores rounded as `eager` attention has them.

    In one layer that is four to ten times the error of kernels which keep scores in float32; in the
    logits of a network of 24 layers it does not show beside what bfloat16 rounds elsewhere.
    """
    nothing = query.new_empty(1)
    scores = torch.baddbmm(nothing, query[0], keys[0].transpose(-1, -2), beta=0, alpha=scale)
    shares = scores.softmax(-1)
    # A query's largest share is exp(its largest score) / Z.
    log_z = scores.amax(-1).float() - shares.amax(-1).float().log()
    return (shares @ values[0]).float()[None], log_z[None]


register_attention(ATTENTION, attend, masks_of=_PLAIN)
