"""From a model's logits to the logits of the target's language model."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from smc.errors import ModelError, SettingsError
from smc.model import IntArray


@dataclass(frozen=True)
class Warp:
    """Temperature, then top-k, then top-p, over the tokens that are text or end of sequence.

    They define p(x | prompt) and so the target: a truncated model gives other tokens probability
    zero, and no weight could correct that in a proposal.

    Attributes:
        temperature: > 0; logits are divided by it.
        top_p: In (0, 1]; the smallest set of tokens with at least this mass is kept.
        top_k: The k most probable tokens are kept (and what ties with the last); 0 keeps all.

    Raises:
        SettingsError: A value out of its range.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise SettingsError(
                f"model: temperature must be a positive number, got {self.temperature}. For the "
                "most probable tokens alone use top_k=1."
            )
        if not 0 < self.top_p <= 1:
            raise SettingsError(f"model: top_p must be in (0, 1], got {self.top_p}.")
        if self.top_k != int(self.top_k) or self.top_k < 0:
            raise SettingsError(
                f"model: top_k must be a whole number, 0 (keep all) or more, got {self.top_k}."
            )

    def apply(self, logits: torch.Tensor, suppressed: torch.Tensor | None) -> torch.Tensor:
        """Warp `[R, V]` logits of any floating dtype; may write into them.

        Args:
            logits: The model's.
            suppressed: Ids outside the model, which get −inf before anything else; or None.

        Returns:
            `[R, V]` float32, not normalised.
        """
        logits = logits.float()
        if suppressed is not None:
            logits.index_fill_(1, suppressed, -math.inf)
        if self.temperature != 1:
            logits = logits / self.temperature
        if 0 < self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k, dim=-1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -math.inf)
        if self.top_p < 1:
            ordered, ids = logits.sort(dim=-1)
            # Ascending, so that the running sum is the mass of all less probable tokens and this.
            below = ordered.softmax(-1).cumsum(-1) <= 1 - self.top_p
            below[:, -1] = False
            logits = logits.masked_fill(below.scatter(1, ids, below), -math.inf)
        return logits


class Head:
    """What turns a model's logits into those of the target, on one device."""

    def __init__(self, warp: Warp, size: int, suppressed: IntArray, device: torch.device) -> None:
        self._warp = warp
        self._size = size
        self._outside = tuple(suppressed.tolist())
        ids = torch.from_numpy(suppressed).to(device)
        self._suppressed = ids if len(suppressed) else None

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """`[R, V]` float32 logits from the model's own."""
        if logits.shape[-1] != self._size:
            raise ModelError(
                f"model: {logits.shape[-1]} logits a token, but the vocabulary has {self._size} "
                "ids; expected as many. Pass a vocabulary= of the logits' width."
            )
        return self._warp.apply(logits, self._suppressed)

    def same(self, other: Head) -> bool:
        """Whether another does just the same."""
        return (self._warp, self._size, self._outside) == (
            other._warp,
            other._size,
            other._outside,
        )


@dataclass(frozen=True)
class Heads:
    """The head of each row of a batch.

    Attributes:
        heads: Distinct ones.
        which: `[R]` index of each row's.
    """

    heads: tuple[Head, ...]
    which: IntArray

    @classmethod
    def of(cls, head: Head, rows: int) -> Heads:
        """One head for all rows."""
        return cls((head,), np.zeros(rows, dtype=np.int64))

    def take(self, rows: IntArray) -> Heads:
        """The heads of some rows, in a new order; those of no row are forgotten."""
        if len(self.heads) == 1:
            return Heads.of(self.heads[0], len(rows))
        kept, which = np.unique(self.which[rows], return_inverse=True)
        return Heads(tuple(self.heads[k] for k in kept), which.astype(np.int64))

    def joined(self, other: Heads) -> Heads:
        """These rows, and others behind."""
        heads, which = list(self.heads), []
        for head in other.heads:
            found = next((i for i, own in enumerate(heads) if own.same(head)), len(heads))
            if found == len(heads):
                heads.append(head)
            which.append(found)
        more = np.asarray(which, dtype=np.int64)[other.which]
        return Heads(tuple(heads), np.concatenate([self.which, more]))

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """`[R, V]` float32 logits from the model's own."""
        if len(self.heads) == 1:
            return self.heads[0](logits)
        warped = torch.empty(logits.shape, dtype=torch.float32, device=logits.device)
        for index, head in enumerate(self.heads):
            rows = torch.from_numpy(np.flatnonzero(self.which == index)).to(logits.device)
            warped[rows] = head(logits[rows])
        return warped
