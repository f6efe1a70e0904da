"""The rows of a transformers decoding: token ids, and the logits after each.

`RecomputedDecoding` runs its rows from their first token at every step: it serves the models whose
state cannot be forked, and as the reference in tests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch

from smc.backends.draws import draw_rows
from smc.backends.hf.forward import Batch, Forward
from smc.backends.hf.logits_transform import LogitsTransform, RowTransforms
from smc.errors import ModelError
from smc.model import HOLD, Decoding, DrawRequest, Draws, FloatArray, IntArray
from smc.ranking import RankedTokens


class Rows(ABC):
    """What decodings share: the transformed logits of the current rows.

    A block is taken one token after another where a decoding knows no better.
    """

    _forward: Forward
    _transforms: RowTransforms
    _logits: torch.Tensor

    @abstractmethod
    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""

    def extend(self, parents: IntArray, tokens: IntArray) -> FloatArray:
        """See `BlockDecoding.extend`; one token after another."""
        self.advance(parents, np.full(len(parents), HOLD))
        stay = np.arange(len(parents))
        log_probs = np.zeros(tokens.shape)
        for place, column in enumerate(tokens.T):
            ids = torch.from_numpy(column[:, None].copy()).to(self._logits.device)
            with torch.inference_mode():
                log_probs[:, place] = log_probs_of(ids, self._logits).cpu().numpy()[:, 0]
            self.advance(stay, column)
        return checked(log_probs)

    def extend_ranked(self, parents: IntArray, tokens: IntArray, top: int) -> RankedTokens:
        """See `RankingDecoding.extend_ranked`; one token after another."""
        self.advance(parents, np.full(len(parents), HOLD))
        stay = np.arange(len(parents))
        columns = []
        for column in tokens.T:
            with torch.inference_mode():
                columns.append(ranked(column[:, None], self._logits[:, None], top))
            self.advance(stay, column)
        parts = zip(*((c.log_probs, c.top_ids, c.top_log_probs) for c in columns), strict=True)
        return RankedTokens(*(np.concatenate(part, axis=1) for part in parts))

    def draw(self, request: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        with torch.inference_mode():
            return draw_rows(self._logits, request)

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`."""
        return checked(self._logits.double().log_softmax(-1).cpu().numpy())

    @torch.inference_mode()
    def take_logits(self, other: Rows) -> None:
        """Put the logits of other rows behind, and what transforms them."""
        self._transforms = self._transforms.joined(other._transforms)
        self._logits = torch.cat([self._logits, other._logits])


class RecomputedDecoding(Rows):
    """Rows without a cache: every step runs every growing row from its first token."""

    def __init__(
        self, forward: Forward, transform: LogitsTransform, prompts: Sequence[tuple[int, ...]]
    ) -> None:
        self._forward = forward
        self._ids = list(prompts)
        self._transforms = RowTransforms.of(transform, len(prompts))
        distinct = {ids: i for i, ids in enumerate(dict.fromkeys(prompts))}
        logits = self._run(list(distinct), RowTransforms.of(transform, len(distinct)))
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
        self._transforms = self._transforms.take(parents)
        logits = self._logits[torch.from_numpy(parents).to(self._logits.device)]
        grown = np.flatnonzero(tokens != HOLD)
        if len(grown):
            logits[grown] = self._run([self._ids[r] for r in grown], self._transforms.take(grown))
        self._logits = logits

    @torch.inference_mode()
    def _run(self, rows: Sequence[tuple[int, ...]], transforms: RowTransforms) -> torch.Tensor:
        """`[R, V]` logits after each row; without padding, rows of one length at a time."""
        device = self._forward.device
        if self._forward.can_pad:
            return transforms(self._forward.whole(Batch.of(rows, device)))
        logits_of: list[torch.Tensor] = [torch.empty(0)] * len(rows)
        for length in {len(row) for row in rows}:
            members = [r for r, row in enumerate(rows) if len(row) == length]
            batch = Batch.of([rows[r] for r in members], device)
            logits = transforms.take(np.asarray(members))(self._forward.whole(batch))
            for r, row_logits in zip(members, logits, strict=True):
                logits_of[r] = row_logits
        return torch.stack(logits_of)


def extended(
    rows: Sequence[tuple[int, ...]], parents: IntArray, tokens: IntArray
) -> list[tuple[int, ...]]:
    """The token ids of the rows after a `Decoding.advance`."""
    return [
        rows[p] if t == HOLD else (*rows[p], int(t)) for p, t in zip(parents, tokens, strict=True)
    ]


def log_probs_of(
    tokens: torch.Tensor, before: torch.Tensor, logits: torch.Tensor | None = None
) -> torch.Tensor:
    """`[R, k]` float64 log p of each token of a block given all before it; 0 for a `HOLD`.

    Args:
        tokens: `[R, k]` ids; in each row, `HOLD`s come first.
        before: `[R, V]` logits before the block.
        logits: `[R, k, V]` after each of its columns; not needed where k is 1.
    """
    ids = tokens.clamp(min=0)
    held = tokens == HOLD
    log_probs = torch.zeros(tokens.shape, dtype=torch.float64, device=before.device)
    for place in range(tokens.shape[1]):
        own = before  # of a row whose block begins here
        if place > 0:
            assert logits is not None
            own = torch.where(held[:, place - 1, None], before, logits[:, place - 1])
        taken = own.gather(1, ids[:, place, None])[:, 0].double()
        log_probs[:, place] = taken - own.logsumexp(-1).double()
    return log_probs.masked_fill(held, 0.0)


def ranked(tokens: IntArray, logits: torch.Tensor, top: int) -> RankedTokens:
    """Return `[R, k]` tokens among the most probable ones.

    Args:
        tokens: Their ids.
        logits: `[R, k, V]` before each of them.
        top: How many of the most probable ones; no more than there are.
    """
    norms = logits.logsumexp(-1, keepdim=True).double()
    ids = torch.from_numpy(np.ascontiguousarray(tokens)).to(logits.device)[..., None]
    taken = logits.gather(-1, ids).double() - norms
    best = logits.topk(min(top, logits.shape[-1]), dim=-1)
    return RankedTokens(
        checked(taken[..., 0].cpu().numpy()),
        best.indices.cpu().numpy(),
        (best.values.double() - norms).cpu().numpy(),
    )


def checked(log_probs: FloatArray) -> FloatArray:
    """Return `[R, k]` log probabilities that are numbers.

    Raises:
        ModelError: Some row's are not.
    """
    bad = np.flatnonzero(np.isnan(log_probs).any(axis=1))
    if len(bad):
        raise ModelError(
            f"model: the logits of rows {bad[:5].tolist()} hold NaN, +inf or no finite value; "
            "expected numbers. Check the weights and the dtype."
        )
    return log_probs
