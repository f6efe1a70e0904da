"""Attention over a set of columns: the mean of its values, and its log normaliser to merge by.

What `shared_attention` is made of: kernels of torch where they return a log normaliser, two large
products where those are faster, and one softmax over all columns where every row sees them.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

Part = tuple[torch.Tensor, torch.Tensor]
"""Keys and values of some columns in one layer."""

_LONG = 512
"""Columns from which on a CPU in bfloat16 two large products are faster than many small ones."""

_SCORES_AT_ONCE = 1 << 22
"""Of a layer, 8 MB: more would fall out of a CPU's cache between one operation and the next."""


def common(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Attention of `[r, Hkv, G, D]` queries to `[1, Hkv, L, D]` keys: one product for all rows."""
    rows, heads, groups, _ = query.shape
    flat = query.transpose(0, 1).reshape(1, heads, rows * groups, -1)
    mean, log_z = attention(flat, keys, values, None, scale)
    mean = mean.view(heads, rows, groups, -1).transpose(0, 1)
    return mean, log_z.view(heads, rows, groups).transpose(0, 1)


def merged(
    one: tuple[torch.Tensor, torch.Tensor], other: tuple[torch.Tensor, torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The attention over two sets of columns from that over each."""
    share = torch.sigmoid(other[1] - one[1])[..., None]
    return torch.lerp(one[0], other[0], share), torch.logaddexp(one[1], other[1])


def attention(
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
        rows, heads, queries, _ = query.shape
        if bias is None and rows == 1 and _are_many(query.dtype, keys.shape[2], heads * queries):
            return _by_scores(query, keys, values, scale)
        mean, log_z = kernels._scaled_dot_product_flash_attention_for_cpu(
            query, keys, values, 0.0, False, attn_mask=bias, scale=scale
        )
        return mean.float(), log_z.float()
    half = query.dtype in (torch.float16, torch.bfloat16)
    if query.device.type == "cuda" and bias is None and half and one_size:
        mean, log_z, *_ = kernels._scaled_dot_product_flashattention(
            query, keys, values, 0.0, False, scale=scale
        )
        return mean.float(), log_z.float()
    scores = (query.float() @ keys.float().transpose(-1, -2)) * scale
    if bias is not None:
        scores = scores + bias
    log_z = scores.logsumexp(-1)
    return (scores - log_z[..., None]).exp_() @ values.float(), log_z


def _are_many(dtype: torch.dtype, columns: int, queries: int) -> bool:
    """Whether two products of all keys and values are faster than block by block (measured)."""
    return dtype == torch.bfloat16 and columns >= _LONG and queries * columns <= _SCORES_AT_ONCE


def are_one(query: torch.Tensor, parts: Sequence[Part], own_values: torch.Tensor) -> bool:
    """Whether all columns are faster under one softmax than part by part (measured)."""
    rows, heads, queries, width = query.shape
    columns = sum(keys.shape[2] for keys, _ in parts)
    plain = query.device.type == "cpu" and width == own_values.shape[-1]
    return plain and _are_many(query.dtype, columns, heads * rows * queries)


def in_one(
    query: torch.Tensor,
    own: Part,
    parts: Sequence[Part],
    bias: torch.Tensor | None,
    scale: float,
) -> torch.Tensor:
    """Attention of all rows to what they have in common and to their own, under one softmax.

    The scores are rounded as in `_by_scores`. Nothing is merged, so no log normaliser is needed,
    and looking for each query's largest score would cost a third of the softmax.

    Args:
        query: `[r, Hkv, G, D]`.
        own: `[r, Hkv, S, D]` keys and values.
        parts: `[1, Hkv, L, D]` keys and values.
        bias: Of the own columns; see `SharedPass.bias`.
        scale: Of the scores.

    Returns:
        `[r, Hkv, G, D]` in the dtype of the query.
    """
    rows, heads, groups, _ = query.shape
    flat = query.transpose(0, 1).reshape(heads, rows * groups, -1)
    lengths = [*(keys.shape[2] for keys, _ in parts), own[0].shape[2]]
    scores = flat.new_empty(heads, rows * groups, sum(lengths))
    *common, last = scores.split(lengths, -1)
    for (keys, _), here in zip(parts, common, strict=True):
        torch.baddbmm(here, flat, keys[0].transpose(-1, -2), beta=0, alpha=scale, out=here)
    # Keys first: a product of bfloat16 copies what has spare columns, and keys that are copied as
    # they lie take 0.35 to 0.8 of the time of keys transposed.
    own_scores = (own[0] @ query.transpose(-1, -2)).permute(1, 0, 3, 2)
    last = last.view(heads, rows, groups, -1)
    torch.mul(own_scores, scale, out=last)
    if bias is not None:
        last += bias.transpose(0, 1)
    *common, last = scores.softmax(-1).split(lengths, -1)
    mean = last.view(heads, rows, groups, -1).transpose(0, 1) @ own[1]
    for (_, values), shares in zip(parts, common, strict=True):
        mean += (shares @ values[0]).view(heads, rows, groups, -1).transpose(0, 1)
    return mean


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
