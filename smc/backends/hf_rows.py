"""What decodings do with the logits of their rows: draws, and what the logits say of tokens."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch

from smc.errors import ModelError
from smc.model import HOLD, Draws, FloatArray, IntArray, Plan
from smc.proposal import draw_rows


class Rows(ABC):
    """What decodings share: the warped logits of the current rows."""

    _logits: torch.Tensor

    @abstractmethod
    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""

    def extend(self, parents: IntArray, tokens: IntArray) -> FloatArray:
        """See `BlockDecoding.extend`; one token after another."""
        self.advance(parents, np.full(len(parents), HOLD))
        stay = np.arange(len(parents))
        found = np.zeros(tokens.shape)
        for place, column in enumerate(tokens.T):
            ids = torch.from_numpy(column[:, None].copy()).to(self._logits.device)
            with torch.inference_mode():
                found[:, place] = log_probs_of(ids, self._logits).cpu().numpy()[:, 0]
            self.advance(stay, column)
        return checked(found)

    def draw(self, plan: Plan) -> Draws:
        """See `Decoding.draw`."""
        with torch.inference_mode():
            return draw_rows(self._logits, plan)

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`."""
        return checked(self._logits.double().log_softmax(-1).cpu().numpy())


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
    found = torch.zeros(tokens.shape, dtype=torch.float64, device=before.device)
    for place in range(tokens.shape[1]):
        own = before  # of a row whose block begins here
        if place > 0:
            assert logits is not None
            own = torch.where(held[:, place - 1, None], before, logits[:, place - 1])
        taken = own.gather(1, ids[:, place, None])[:, 0].double()
        found[:, place] = taken - own.logsumexp(-1).double()
    return found.masked_fill(held, 0.0)


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
