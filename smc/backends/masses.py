"""Proposal masses of rows of logits: model × token scores, tempered, not yet normalised.

The model's own probabilities where those do; relative to a row's peak where they lose digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from smc.backends.peaks import masses_at_peaks
from smc.model import DrawRequest

if TYPE_CHECKING:
    import torch

BLOCK = 256
"""Tokens a block: the inverse CDF searches the block sums first, then one block."""

_CELLS_IN_CACHE = 1 << 17
"""Tokens whose logits and masses, 1 MB, a CPU's own cache holds: so many it goes over at once."""

_TINY = 1e-20
"""Allowed share of a row's mass under which float32 sums relative to the row's peak lose digits."""


@dataclass(frozen=True)
class Scratch:
    """Memory for the masses of some rows.

    Attributes:
        mass: `[R, V padded to blocks]`, with zeros behind V.
        at_once: Rows to go over at once.
        factor: `[rows at once, V]`, where there are masks.
    """

    mass: torch.Tensor
    at_once: int
    factor: torch.Tensor | None

    @classmethod
    def of(cls, logits: torch.Tensor, rows: int, *, masked: bool) -> Scratch:
        """Make some for so many rows of logits, with or without masks."""
        size = logits.shape[-1]
        mass = logits.new_empty(rows, -(-size // BLOCK) * BLOCK)
        mass[:, size:] = 0
        on_cpu = logits.device.type == "cpu"
        at_once = min(max(1, _CELLS_IN_CACHE // size), rows) if on_cpu else rows
        return cls(mass, at_once, logits.new_empty(at_once, size) if masked else None)

    def pieces(self, rows: int) -> Iterator[slice]:
        """Rows to go over at once: on a CPU as many as its cache can hold."""
        return (slice(i, min(i + self.at_once, rows)) for i in range(0, rows, self.at_once))


@dataclass(frozen=True)
class Masses:
    """Proposal masses, not normalised.

    The proposal's mass of token v in row r is `mass[r, v] * exp(log_scale[r])` on the scale on
    which the model's own masses sum to exp(log_norm[r]).

    Attributes:
        mass: `[R, V padded to blocks]`.
        sums: `[R, blocks]` of them.
        log_norm: `[R]` float64; NaN where the row is no distribution.
        again: `[R]` where they are relative to a peak, so that the scale of both logs is that of
            the logits; elsewhere they are the model's own probabilities. None: nowhere.
        log_scale: `[R]` float64; 0 where `again` is not.
    """

    mass: torch.Tensor
    sums: torch.Tensor
    log_norm: torch.Tensor
    again: torch.Tensor | None = None
    log_scale: torch.Tensor | float = 0.0


def masses_of(logits: torch.Tensor, request: DrawRequest, scratch: Scratch) -> Masses:
    """The model's probabilities of the allowed tokens, and what has to be done again."""
    import torch

    size = logits.shape[-1]
    mass = scratch.mass[: len(logits)]
    body = mass[:, :size]
    model_sums = logits.new_empty(len(logits), mass.shape[1] // BLOCK)
    sums = model_sums if request.mask is None else torch.empty_like(model_sums)
    for rows in scratch.pieces(len(logits)):
        torch.softmax(logits[rows], -1, out=body[rows])
        _block_sums(mass[rows], out=model_sums[rows])
        if request.mask is not None and scratch.factor is not None:
            body[rows].mul_(_allowed(request.mask[rows], scratch.factor))
            _block_sums(mass[rows], out=sums[rows])
    log_norm = mass[:, 0].double() * 0  # a row with NaN or +inf, or all of −inf, is NaN throughout
    if size > BLOCK:
        # What float32 normalises does not sum to 1: over 150,000 tokens the fifth digit is lost.
        log_norm = model_sums.double().sum(-1).log()
    return _done_again(Masses(mass, sums, log_norm), logits, request)


def _done_again(masses: Masses, logits: torch.Tensor, request: DrawRequest) -> Masses:
    """Do rows again, in place, relative to their own peak: of scores, temperatures, tiny masses."""
    import torch

    hot = temperatures(request, logits)
    if request.mask is None and request.log_scores is None and hot is None:
        return masses
    again = torch.zeros_like(masses.log_norm).bool()
    if request.mask is not None:
        # Where the allowed tokens are improbable, their masses are denormal.
        again = masses.sums.sum(-1) < _TINY
        again &= torch.from_numpy(request.mask.any(axis=-1)).to(again.device)
    scores = None
    if request.log_scores is not None:
        scores = torch.from_numpy(request.log_scores).to(logits)
        again |= (scores != 0).any(-1)
    if hot is not None:
        again |= hot != 1
    where = again.nonzero()[:, 0]
    if not where.numel():
        return masses
    own = logits[where]
    masses.log_norm[where] = own.double().logsumexp(-1)
    allowed = None
    if request.mask is not None:
        allowed = _allowed(request.mask[where.cpu().numpy()], torch.empty_like(own))
    log_scale = torch.zeros_like(masses.log_norm)
    body = masses.mass[:, : logits.shape[-1]]
    body[where], log_scale[where] = masses_at_peaks(
        own,
        allowed,
        None if scores is None else scores[where],
        None if hot is None else hot[where],
    )
    masses.sums[where] = _block_sums(masses.mass[where])
    return replace(masses, again=again, log_scale=log_scale)


def _block_sums(mass: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """`[R, blocks]` float32 sums of masses, which are too few in a block to lose digits."""
    import torch

    return torch.sum(mass.view(mass.shape[0], -1, BLOCK), -1, out=out)


def temperatures(request: DrawRequest, logits: torch.Tensor) -> torch.Tensor | None:
    """`[R]` float64 proposal temperatures; None where all are 1."""
    import torch

    if not isinstance(request.temperature, np.ndarray):
        if request.temperature == 1:
            return None
        return torch.full_like(logits[:, 0], request.temperature, dtype=torch.float64)
    if (request.temperature == 1).all():
        return None
    return torch.from_numpy(request.temperature).to(logits.device)


def _allowed(mask: np.ndarray, out: torch.Tensor) -> torch.Tensor:
    """Fill `[R, V]` with 0 and 1 from packed words; unpacked where the logits live."""
    import torch

    out = out[: len(mask)]
    size = out.shape[-1]
    if out.device.type == "cpu":  # bytes to floats is five times faster than bools to floats
        packed = np.ascontiguousarray(mask).view(np.uint8)
        bits = np.unpackbits(packed, axis=-1, count=size, bitorder="little")
        return out.copy_(torch.from_numpy(bits))
    words = torch.from_numpy(mask.view(np.int32)).to(out.device)
    shifts = torch.arange(32, device=out.device, dtype=torch.int32)
    bits = (words[:, :, None] >> shifts) & 1
    return out.copy_(bits.view(words.shape[0], -1)[:, :size])
