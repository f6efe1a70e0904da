"""Rows of token ids with the logits after each, run from their first token at every step.

This serves the models whose state cannot be forked, and as the reference in tests.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from smc.backends.hf_forward import Batch, Forward
from smc.backends.hf_warp import Head, Heads
from smc.errors import ModelError
from smc.model import HOLD, Decoding, Draws, FloatArray, IntArray, Plan
from smc.proposal import draw_rows


class WarpedRows:
    """What both decodings share: warped logits of the current rows."""

    _forward: Forward
    _heads: Heads
    _logits: torch.Tensor

    def draw(self, plan: Plan) -> Draws:
        """See `Decoding.draw`."""
        with torch.inference_mode():
            return draw_rows(self._logits, plan)

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`."""
        values = self._logits.double().log_softmax(-1).cpu().numpy()
        if np.isnan(values).any():
            rows = np.flatnonzero(np.isnan(values).any(axis=1))
            raise ModelError(
                f"model: the logits of rows {rows[:5].tolist()} hold NaN, +inf or no finite "
                "value; expected numbers. Check the weights and the dtype."
            )
        return values

    @torch.inference_mode()
    def take_logits(self, other: WarpedRows) -> None:
        """Put the logits of other rows behind, and what warps them."""
        self._heads = self._heads.joined(other._heads)
        self._logits = torch.cat([self._logits, other._logits])


class RecomputedDecoding(WarpedRows):
    """Rows without a cache: every step runs every growing row from its first token."""

    def __init__(self, forward: Forward, head: Head, prompts: Sequence[tuple[int, ...]]) -> None:
        self._forward = forward
        self._ids = list(prompts)
        self._heads = Heads.of(head, len(prompts))
        distinct = {ids: i for i, ids in enumerate(dict.fromkeys(prompts))}
        logits = self._run(list(distinct), Heads.of(head, len(distinct)))
        self._logits = logits[[distinct[ids] for ids in prompts]]

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`."""
        if not isinstance(other, RecomputedDecoding) or not self._forward.runs_with(other._forward):
            return False
        self._ids += other._ids
        self.take_logits(other)
        return True

    @torch.inference_mode()
    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        self._ids = extended(self._ids, parents, tokens)
        self._heads = self._heads.take(parents)
        logits = self._logits[torch.from_numpy(parents).to(self._logits.device)]
        grown = np.flatnonzero(tokens != HOLD)
        if len(grown):
            logits[grown] = self._run([self._ids[r] for r in grown], self._heads.take(grown))
        self._logits = logits

    @torch.inference_mode()
    def _run(self, rows: Sequence[tuple[int, ...]], heads: Heads) -> torch.Tensor:
        """`[R, V]` logits after each row; without padding, rows of one length at a time."""
        device = self._forward.device
        if self._forward.can_pad:
            return heads(self._forward.whole(Batch.of(rows, device)))
        found: list[torch.Tensor] = [torch.empty(0)] * len(rows)
        for length in {len(row) for row in rows}:
            members = [r for r, row in enumerate(rows) if len(row) == length]
            batch = Batch.of([rows[r] for r in members], device)
            logits = heads.take(np.asarray(members))(self._forward.whole(batch))
            for r, row_logits in zip(members, logits, strict=True):
                found[r] = row_logits
        return torch.stack(found)


def extended(
    rows: Sequence[tuple[int, ...]], parents: IntArray, tokens: IntArray
) -> list[tuple[int, ...]]:
    """The token ids of the rows after a `Decoding.advance`."""
    return [
        rows[p] if t == HOLD else (*rows[p], int(t)) for p, t in zip(parents, tokens, strict=True)
    ]
