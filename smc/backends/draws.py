"""Token draws from rows of logits, where the logits live, by inverse CDF.

Of the distribution that this package calls local: model × token scores, tempered. Draws are
inverse CDFs of given uniforms, so that a seed's result does not depend on the order of the rows,
on what else is in the batch, or on the backend.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from smc.backends.peaks import TemperedRows, log_norms, masses_at_peaks
from smc.errors import ModelError, PotentialError
from smc.model import DrawRequest, Draws

if TYPE_CHECKING:
    import torch

_BLOCK = 256
"""Tokens a block: the inverse CDF searches the block sums first, then one block."""

_CELLS_IN_CACHE = 1 << 17
"""Tokens whose logits and masses, 1 MB, a CPU's own cache holds: so many it goes over at once."""

_TINY = 1e-20
"""Allowed share of a row's mass under which float32 sums relative to the row's peak lose digits."""

_CELLS_AT_ONCE = 6_000_000
"""Tokens whose masses a CPU holds at once, 24 MB: malloc reuses what is below 32."""


def draw_rows(logits: torch.Tensor, request: DrawRequest) -> Draws:
    """Draw tokens from rows of logits as a request says; pure, runs where the logits live.

    Args:
        logits: `[R, V]` float32; −inf for tokens outside the model. Need not be normalised.
        request: Which rows to draw from, with which uniforms, masks and scores.

    Returns:
        Token ids, log incremental weights and the model's log probabilities, on the host.

    Raises:
        ModelError: A row of logits holds NaN, +inf, or nothing finite.
        PotentialError: A log score is NaN or +inf.
    """
    if len(request.rows) == 0:
        return Draws(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
    tokens, log_weights, log_probs, norms, totals = _drawn(logits, request)
    _check(norms, totals, request)
    dead = totals <= 0
    return Draws(
        tokens=np.where(dead, -1, tokens).astype(np.int64),
        log_weights=np.where(dead, -np.inf, log_weights),
        log_probs=np.where(dead, -np.inf, log_probs),
    )


def _drawn(logits: torch.Tensor, request: DrawRequest) -> np.ndarray:
    """`[5, M]` columns of `_draw`, on the host; of the rows alone that are drawn from.

    On a CPU a few rows at a time, which stay in its cache from the first pass over them to the
    last, in memory that all share: to get fresh pages takes longer than to compute what is in them.
    """
    used = np.unique(request.rows)
    size = logits.shape[-1]
    if logits.device.type != "cpu" or len(used) * size <= _CELLS_AT_ONCE:
        if 2 * len(used) <= len(logits):
            logits, request = _part(logits, request, used)[1:]
        return (
            _draw(
                logits, request, _Scratch.of(logits, len(logits), masked=request.mask is not None)
            )
            .cpu()
            .numpy()
        )
    at_once = max(1, _CELLS_AT_ONCE // size)
    scratch = _Scratch.of(logits, at_once, masked=request.mask is not None)
    columns = np.empty((5, len(request.rows)))
    for first in range(0, len(used), at_once):
        which, own, part = _part(logits, request, used[first : first + at_once])
        columns[:, which] = _draw(own, part, scratch).numpy()
    return columns


def _part(
    logits: torch.Tensor, request: DrawRequest, rows: np.ndarray
) -> tuple[np.ndarray, torch.Tensor, DrawRequest]:
    """Indices of the draws that concern some rows in ascending order, their logits, a request."""
    import torch

    which, part = request.part(rows)
    first, end = int(rows[0]), int(rows[-1]) + 1
    if end - first == len(rows):
        return which, logits[first:end], part
    return which, logits[torch.from_numpy(rows).to(logits.device)], part


@dataclass(frozen=True)
class _Scratch:
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
    def of(cls, logits: torch.Tensor, rows: int, *, masked: bool) -> _Scratch:
        """Make some for so many rows of logits, with or without masks."""
        import torch

        size = logits.shape[-1]
        mass = logits.new_empty(rows, -(-size // _BLOCK) * _BLOCK)
        mass[:, size:] = 0
        on_cpu = logits.device.type == "cpu"
        cells = _CELLS_IN_CACHE * torch.get_num_threads()
        # A row is one thread's: fewer rows would leave threads idle.
        least = torch.get_num_threads()
        at_once = min(max(least, cells // size), rows) if on_cpu else rows
        return cls(mass, at_once, logits.new_empty(at_once, size) if masked else None)

    def pieces(self, rows: int) -> Iterator[slice]:
        """Rows to go over at once: on a CPU as many as its cache can hold."""
        return (slice(i, min(i + self.at_once, rows)) for i in range(0, rows, self.at_once))


def _draw(logits: torch.Tensor, request: DrawRequest, scratch: _Scratch) -> torch.Tensor:
    """`[5, M]`: tokens, log weights, log probabilities; log norm and total mass of each row."""
    import torch

    device = logits.device
    rows = torch.from_numpy(request.rows).to(device)
    uniforms = torch.from_numpy(request.uniforms).to(device)
    masses = _masses(logits, request, scratch)
    total = masses.sums.double().sum(-1)
    log_total = total.log()
    tokens = _inverse_cdf(masses.mass, masses.sums, rows, uniforms)
    log_norm = masses.log_norm[rows]
    log_mass = masses.mass[rows, tokens].double().log()
    if masses.again is None:
        log_weights = log_total[rows] - log_norm
    else:
        drawn = logits[rows, tokens].double()
        log_weights = (log_total + masses.log_scale)[rows] - log_norm
        log_mass = torch.where(masses.again[rows], drawn, log_mass)
        hot = _temperatures(request, logits)
        if hot is not None:
            log_weights = log_weights + drawn * (1 - 1 / hot[rows])
    columns = tokens.double(), log_weights, log_mass - log_norm, log_norm, total[rows]
    return torch.stack(columns)


@dataclass(frozen=True)
class _Masses:
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


def _masses(logits: torch.Tensor, request: DrawRequest, scratch: _Scratch) -> _Masses:
    """Masses of the allowed tokens: the model's own, or tempered; and what has to be done again."""
    import torch

    size = logits.shape[-1]
    mass = scratch.mass[: len(logits)]
    body = mass[:, :size]
    hot = _temperatures(request, logits)
    model_sums = logits.new_empty(len(logits), mass.shape[1] // _BLOCK)
    sums = model_sums if request.mask is None else torch.empty_like(model_sums)
    tempered = None if hot is None else TemperedRows.none(hot)
    for rows in scratch.pieces(len(logits)):
        if tempered is None:
            torch.softmax(logits[rows], -1, out=body[rows])
        else:
            tempered.fill(rows, logits, body)
        _block_sums(mass[rows], out=model_sums[rows])
        if request.mask is not None and scratch.factor is not None:
            body[rows].mul_(_allowed(request.mask[rows], scratch.factor))
            _block_sums(mass[rows], out=sums[rows])
    log_norm = mass[:, 0].double() * 0  # a row with NaN or +inf, or all of −inf, is NaN throughout
    if size > _BLOCK:
        # What float32 normalises does not sum to 1: over 150,000 tokens the fifth digit is lost.
        log_norm = model_sums.double().sum(-1).log()
    masses = _Masses(mass, sums, log_norm)
    if tempered is not None:
        log_norm = torch.where(tempered.is_hot, tempered.log_norm, log_norm)
        masses = _Masses(mass, sums, log_norm, tempered.is_hot, tempered.log_scale)
    return _done_again(masses, logits, request, hot, scratch.at_once)


def _done_again(
    masses: _Masses,
    logits: torch.Tensor,
    request: DrawRequest,
    hot: torch.Tensor | None,
    at_once: int,
) -> _Masses:
    """Do rows again, in place, relative to their own peak: of scores, and of tiny masses."""
    import torch

    if request.mask is None and request.log_scores is None:
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
    where = again.nonzero()[:, 0]
    if not where.numel():
        return masses
    log_scale = torch.zeros_like(masses.log_norm) + masses.log_scale
    body = masses.mass[:, : logits.shape[-1]]
    for rows in where.split(at_once):
        own = logits[rows]
        masses.log_norm[rows] = log_norms(own)
        allowed = None
        if request.mask is not None:
            allowed = _allowed(request.mask[rows.cpu().numpy()], torch.empty_like(own))
        body[rows], log_scale[rows] = masses_at_peaks(
            own,
            allowed,
            None if scores is None else scores[rows],
            None if hot is None else hot[rows],
        )
        masses.sums[rows] = _block_sums(masses.mass[rows])
    if masses.again is not None:
        again |= masses.again
    return replace(masses, again=again, log_scale=log_scale)


def _block_sums(mass: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """`[R, blocks]` float32 sums of masses, which are too few in a block to lose digits."""
    import torch

    return torch.sum(mass.view(mass.shape[0], -1, _BLOCK), -1, out=out)


def _temperatures(request: DrawRequest, logits: torch.Tensor) -> torch.Tensor | None:
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


def _inverse_cdf(
    mass: torch.Tensor, block_sums: torch.Tensor, rows: torch.Tensor, uniforms: torch.Tensor
) -> torch.Tensor:
    """`[M]` token ids at the uniforms' quantiles; a token with mass, or 0 where there is none.

    Running sums round, and a parallel scan need not be monotone, so the position found is only a
    proposal for it: it is moved to the nearest token with mass.
    """
    import torch

    blocks = block_sums.double().cumsum(-1)[rows]
    target = (uniforms * blocks[:, -1])[:, None]
    first: int | torch.Tensor = 0  # of the block
    if blocks.shape[1] == 1:
        within = mass[rows]
    else:
        block = torch.searchsorted(blocks, target, right=True).clamp_(max=blocks.shape[1] - 1)
        target = target - (blocks.gather(1, block) - block_sums.double()[rows].gather(1, block))
        within = mass.view(mass.shape[0], -1, _BLOCK)[rows, block[:, 0]]
        first = block[:, 0] * _BLOCK
    running = within.double().cumsum_(-1)
    inside = torch.searchsorted(running, target, right=True).clamp_(max=_BLOCK - 1)
    tokens = first + inside[:, 0]
    dead = blocks[:, -1] <= 0
    tokens[dead] = 0
    stray = ((mass[rows, tokens] <= 0) & ~dead).nonzero()[:, 0]
    if stray.numel():
        tokens[stray] = _nearest_with_mass(mass[rows[stray]], tokens[stray])
    return tokens


def _nearest_with_mass(mass: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """The last token with mass at or before each position, else the first one after it."""
    import torch

    position = torch.arange(mass.shape[1], device=mass.device)
    has_mass = mass > 0
    before = torch.where(has_mass & (position <= tokens[:, None]), position, -1).amax(-1)
    first = has_mass.int().argmax(-1)
    return torch.where(before >= 0, before, first)


def _check(log_norms: np.ndarray, totals: np.ndarray, request: DrawRequest) -> None:
    if not np.isfinite(log_norms).all():
        bad = sorted({int(request.rows[i]) for i in np.flatnonzero(~np.isfinite(log_norms))})
        raise ModelError(
            f"model: the logits of rows {bad[:5]} hold NaN, +inf or no finite value; expected "
            "numbers. Check the weights and the dtype (float16 overflows on some models: try "
            "bfloat16 or float32)."
        )
    if not np.isfinite(totals).all():
        raise PotentialError(
            "token scores: a log score is NaN or +inf; expected finite numbers or −inf. "
            "Run smc.check_potential on the token potentials."
        )
