"""Logits transforms: from a model's logits to those of the target's language model.

Ids outside the model are cut off, then come temperature, top-k and top-p. Rows of one batch may
have transforms of their own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch

from smc.errors import ModelError, SettingsError
from smc.model import IntArray

_MOST_PROBABLE = (128, 2048, 32_768)
"""Tokens among which a nucleus is looked for, one number after the other."""


@dataclass(frozen=True)
class SamplingOptions:
    """Temperature, then top-k, then top-p, over the tokens that are text or end of sequence.

    They define p(x | prompt) and so the target: a truncated model gives other tokens probability
    zero, and no weight could correct that in a proposal.

    Attributes:
        temperature: > 0; logits are divided by it.
        top_p: In (0, 1]; the smallest set of tokens with at least this mass is kept (and what ties
            with the last).
        top_k: The k most probable tokens are kept (and what ties with the last); 0 keeps all.

    Raises:
        SettingsError: A value out of its range.
    """

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0

    def __post_init__(self) -> None:
        for name in ("temperature", "top_p", "top_k"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, Real):
                raise SettingsError(f"model: {name} must be a number, got {value!r}.")
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

    def changed(
        self, temperature: float | None, top_p: float | None, top_k: int | None
    ) -> SamplingOptions:
        """Return these with others in the place of those that are given."""
        return SamplingOptions(
            self.temperature if temperature is None else temperature,
            self.top_p if top_p is None else top_p,
            self.top_k if top_k is None else top_k,
        )

    def shown(self) -> str:
        """Return those that change anything, each behind a comma, for a model's `repr`."""
        neutral = SamplingOptions()
        names = (n for n in vars(self) if getattr(self, n) != getattr(neutral, n))
        return "".join(f", {name} {getattr(self, name):g}" for name in names)

    def apply(self, logits: torch.Tensor) -> torch.Tensor:
        """Return `[R, V]` float32 logits, not normalised, of `[R, V]` float32 ones."""
        if self.temperature != 1:
            logits = logits / self.temperature
        if 0 < self.top_k < logits.shape[-1]:
            least = logits.topk(self.top_k, dim=-1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -math.inf)
        if self.top_p < 1:
            probs = logits.softmax(-1)
            logits = logits.masked_fill(probs < _least_in_nucleus(probs, self.top_p), -math.inf)
        return logits


def _least_in_nucleus(probs: torch.Tensor, top_p: float) -> torch.Tensor:
    """`[R, 1]` the least probability in the smallest set with at least some mass.

    A nucleus has few tokens as a rule, so the most probable ones alone are put in order, and more
    of them only for rows where these are not enough: to sort 150,000 takes longer than a step.
    """
    rows, size = probs.shape
    least = probs.new_empty(rows, 1)
    left = torch.arange(rows, device=probs.device)
    for most in (*_MOST_PROBABLE, size):
        top = probs[left].topk(min(most, size), dim=-1).values
        # Inside is what has less than top_p before it.
        count = (top.double().cumsum(-1) - top < top_p).sum(-1, keepdim=True)
        least[left] = top.gather(1, (count - 1).clamp_(min=0))
        left = left[count[:, 0] == top.shape[1]]
        if not len(left) or top.shape[1] == size:
            break
    return least


class LogitsTransform:
    """What turns a model's logits into those of the target.

    Args:
        options: Temperature, top-k and top-p.
        size: V, the width of the logits.
        suppressed: Ids outside the model; they get −inf before anything else.
    """

    def __init__(self, options: SamplingOptions, size: int, suppressed: IntArray) -> None:
        self._options = options
        self._size = size
        self._suppressed = suppressed
        self._on_device: tuple[torch.device, torch.Tensor] | None = None

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """`[R, V]` float32 logits from the model's own, which may be written into."""
        if logits.shape[-1] != self._size:
            raise ModelError(
                f"model: {logits.shape[-1]} logits a token, but the vocabulary has {self._size} "
                "ids; expected as many. Pass a vocabulary= of the logits' width."
            )
        logits = logits.float()
        if len(self._suppressed):
            logits.index_fill_(1, self._ids_on(logits.device), -math.inf)
        return self._options.apply(logits)

    def same(self, other: LogitsTransform) -> bool:
        """Whether another does just the same."""
        alike = (self._options, self._size) == (other._options, other._size)
        return alike and np.array_equal(self._suppressed, other._suppressed)

    def _ids_on(self, device: torch.device) -> torch.Tensor:
        if self._on_device is None or self._on_device[0] != device:
            self._on_device = device, torch.from_numpy(self._suppressed).to(device)
        return self._on_device[1]

    def __reduce__(self) -> tuple[type[LogitsTransform], tuple[SamplingOptions, int, IntArray]]:
        return LogitsTransform, (self._options, self._size, self._suppressed)  # no device's tensor


@dataclass(frozen=True)
class RowTransforms:
    """The logits transform of each row of a batch.

    Attributes:
        transforms: Distinct ones.
        which: `[R]` index of each row's.
    """

    transforms: tuple[LogitsTransform, ...]
    which: IntArray

    @classmethod
    def of(cls, transform: LogitsTransform, rows: int) -> RowTransforms:
        """One transform for all rows."""
        return cls((transform,), np.zeros(rows, dtype=np.int64))

    def take(self, rows: IntArray) -> RowTransforms:
        """The transforms of some rows, in a new order; those of no row are forgotten."""
        if len(self.transforms) == 1:
            return RowTransforms.of(self.transforms[0], len(rows))
        kept, which = np.unique(self.which[rows], return_inverse=True)
        return RowTransforms(tuple(self.transforms[k] for k in kept), which.astype(np.int64))

    def joined(self, other: RowTransforms) -> RowTransforms:
        """These rows, and others behind."""
        transforms, which = list(self.transforms), []
        for transform in other.transforms:
            same = (i for i, own in enumerate(transforms) if own.same(transform))
            place = next(same, len(transforms))
            if place == len(transforms):
                transforms.append(transform)
            which.append(place)
        more = np.asarray(which, dtype=np.int64)[other.which]
        return RowTransforms(tuple(transforms), np.concatenate([self.which, more]))

    def __call__(self, logits: torch.Tensor) -> torch.Tensor:
        """`[R, V]` float32 logits from the model's own, which may be written into."""
        if len(self.transforms) == 1:
            return self.transforms[0](logits)
        transformed = torch.empty(logits.shape, dtype=torch.float32, device=logits.device)
        for index, transform in enumerate(self.transforms):
            rows = torch.from_numpy(np.flatnonzero(self.which == index)).to(logits.device)
            transformed[rows] = transform(logits[rows])
        return transformed
