"""The draw of a step's requests: the engine's own proposal, with what each request asks for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from smc.backends.draws import draw_rows
from smc.backends.vllm_http.fields import DEAD, PROBE
from smc.errors import SMCError
from smc.integrations.vllm_server.rows import RequestRow, uniforms
from smc.model import DrawRequest, IntArray


@torch.inference_mode()
def draw(
    logits: torch.Tensor, rows: Sequence[RequestRow], lengths: Sequence[int]
) -> tuple[IntArray, list[float]]:
    """Return a token for each row, and what its logit is to say.

    Args:
        logits: `[R, V]` of the model; written into.
        rows: `[R]` with one transform and one vocabulary.
        lengths: `[R]` tokens of each text so far.

    Returns:
        `[R]` token ids, and `[R]` log weight increments; `DEAD` with an end where nothing may
        follow, or the constraint could not be asked.
    """
    vocabulary = rows[0].vocabulary
    transform = rows[0].parts.transform(rows[0].fields)
    mask = _masks(rows, lengths)
    request = DrawRequest(
        rows=np.arange(len(rows)),
        uniforms=uniforms([row.fields.seed for row in rows], lengths),
        mask=mask,
    )
    draws = draw_rows(transform(logits), request)
    short = [
        row.is_cut_short(length, token)
        for row, length, token in zip(rows, lengths, draws.tokens.tolist(), strict=True)
    ]
    dead = (draws.tokens < 0) | np.asarray(short)
    tokens = np.where(dead, vocabulary.eos_ids[0], draws.tokens)
    values = np.maximum(np.where(dead, DEAD, draws.log_weights), DEAD).tolist()
    probes = [bool(row.fields.probe) for row in rows]
    return tokens, [PROBE if probe else v for probe, v in zip(probes, values, strict=True)]


def _masks(rows: Sequence[RequestRow], lengths: Sequence[int]) -> NDArray[np.uint32] | None:
    """`[R, W]` packed masks; None where every token is allowed in every row."""
    eos_mask = rows[0].vocabulary.eos_mask
    full = np.uint32(0xFFFFFFFF)
    mask: NDArray[np.uint32] | None = None
    groups: dict[int, list[int]] = {}
    for r, row in enumerate(rows):
        if row.potential is not None:
            groups.setdefault(id(row.potential), []).append(r)
    ending = [r for r, row in enumerate(rows) if row.must_end(lengths[r])]
    if groups or ending:
        mask = np.full((len(rows), len(eos_mask)), full, dtype=np.uint32)
        for group in groups.values():
            mask[group] = _allowed(rows[group[0]].potential, rows, group, lengths)
        mask[ending] &= eos_mask
    return mask


def _allowed(
    potential: Any, rows: Sequence[RequestRow], group: Sequence[int], lengths: Sequence[int]
) -> NDArray[np.uint32]:
    """The masks of some rows; nothing allowed where a potential fails: a server must go on."""
    try:
        scores = potential.token_scores([rows[r].state(lengths[r]) for r in group])
        if scores.mask is not None:
            return scores.mask
    except SMCError:
        if len(group) > 1:  # one row's text may be at fault, not the others'
            return np.concatenate([_allowed(potential, rows, [r], lengths) for r in group])
    return np.zeros((len(group), len(rows[0].vocabulary.eos_mask)), dtype=np.uint32)
