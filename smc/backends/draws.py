"""Token draws from rows of logits, where the logits live, by inverse CDF.

Of the distribution that this package calls local: model × token scores, tempered. Draws are
inverse CDFs of given uniforms, so that a seed's result does not depend on the order of the rows,
on what else is in the batch, or on the backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smc.errors import ModelError, PotentialError
from smc.model import DrawRequest, Draws

if TYPE_CHECKING:
    import torch

_BLOCK = 256
"""Tokens a block: the inverse CDF searches the block sums first, then one block."""

_LARGE_SCORE = 16.0
"""Absolute log score from which on float32 sums of logits and scores are not exact enough."""

_TINY = 1e-20
"""Allowed share of a row's mass under which float32 sums relative to the row's peak lose digits."""


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
    asked, (logits, request) = request, _rows_in_use(logits, request)
    tokens, log_weights, log_probs, norms, totals = _draw(logits, request).cpu().numpy()
    _check(norms, totals, asked)
    dead = totals <= 0
    return Draws(
        tokens=np.where(dead, -1, tokens).astype(np.int64),
        log_weights=np.where(dead, -np.inf, log_weights),
        log_probs=np.where(dead, -np.inf, log_probs),
    )


def _draw(logits: torch.Tensor, request: DrawRequest) -> torch.Tensor:
    """`[5, M]`: tokens, log weights, log probabilities; log norm and total mass of each row."""
    import torch

    device = logits.device
    rows = torch.from_numpy(request.rows).to(device)
    uniforms = torch.from_numpy(request.uniforms).to(device)
    mass, block_sums, log_norm, log_scale, own = _masses(logits, request)
    total = block_sums.double().sum(-1)
    tokens = _inverse_cdf(mass, block_sums, rows, uniforms)
    log_weights = (total.log() + log_scale)[rows] - log_norm[rows]
    drawn = logits[rows, tokens].double()
    hot = _temperatures(request, logits)
    if hot is not None:
        log_weights = log_weights + drawn * (1 - 1 / hot[rows])
    log_mass = torch.where(own[rows], mass[rows, tokens].double().log(), drawn)
    columns = tokens.double(), log_weights, log_mass - log_norm[rows], log_norm[rows], total[rows]
    return torch.stack(columns)


def _rows_in_use(logits: torch.Tensor, request: DrawRequest) -> tuple[torch.Tensor, DrawRequest]:
    """The same draws from the rows alone that are drawn from, where they are few."""
    import torch

    used = np.unique(request.rows)
    if 2 * len(used) > len(logits):
        return logits, request
    return logits[torch.from_numpy(used).to(logits.device)], request.part(used)[1]


def _allowed(mask: np.ndarray, logits: torch.Tensor) -> torch.Tensor:
    """`[R, V]` of 0 and 1 in the logits' dtype from packed words; unpacked where they live."""
    import torch

    size = logits.shape[-1]
    if logits.device.type == "cpu":  # bytes to floats is five times faster than bools to floats
        packed = np.ascontiguousarray(mask).view(np.uint8)
        bits = np.unpackbits(packed, axis=-1, count=size, bitorder="little")
        return torch.from_numpy(bits).to(logits.dtype)
    words = torch.from_numpy(mask.view(np.int32)).to(logits.device)
    shifts = torch.arange(32, device=logits.device, dtype=torch.int32)
    bits = (words[:, :, None] >> shifts) & 1
    return bits.view(words.shape[0], -1)[:, :size].to(logits.dtype)


def _masses(
    logits: torch.Tensor, request: DrawRequest
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Proposal masses `[R, V padded to blocks]`, their block sums, two float64 logs, and a flag.

    The masses are not normalised. With the second log `[R]`, the proposal's mass of token v in row
    r is `mass[r, v] * exp(log_scale[r])` on the scale on which the model's own masses sum to
    exp(log_norm[r]), the first log; NaN in it means that the row is no distribution. The flag `[R]`
    says where the masses are the model's own probabilities; elsewhere the scale of both logs is
    that of the logits.
    """
    import torch

    rows, size = logits.shape
    mass = logits.new_empty(rows, -(-size // _BLOCK) * _BLOCK)
    body = mass[:, :size]
    mass[:, size:] = 0
    allowed = None if request.mask is None else _allowed(request.mask, logits)
    torch.softmax(logits, -1, out=body)
    sums = _block_sums(mass)
    log_norm = mass[:, 0].double() * 0  # a row with NaN or +inf, or all of −inf, is NaN throughout
    if size > _BLOCK:
        # What float32 normalises does not sum to 1: over 150,000 tokens the fifth digit is lost.
        log_norm = sums.double().sum(-1).log()
    log_scale = torch.zeros_like(log_norm)
    again = torch.zeros_like(log_norm).bool()
    if allowed is not None:
        body.mul_(allowed)
        # Where the allowed tokens are improbable, their masses are denormal.
        sums = _block_sums(mass)
        again = sums.sum(-1) < _TINY
    scores = None
    if request.log_scores is not None:
        scores = torch.from_numpy(request.log_scores).to(logits)
        again |= (scores != 0).any(-1)
    hot = _temperatures(request, logits)
    if hot is not None:
        again |= hot != 1
    # Do those rows again relative to their own peak, and all that are not the model's.
    where = again.nonzero()[:, 0]
    if where.numel():
        log_norm[where] = logits[where].double().logsumexp(-1)
        combined = _combined(logits, scores, hot, where)
        _fill(body, log_scale, where, combined, None if allowed is None else allowed[where])
        sums[where] = _block_sums(mass[where])
    return mass, sums, log_norm, log_scale, ~again


def _block_sums(mass: torch.Tensor) -> torch.Tensor:
    """`[R, blocks]` float32 sums of masses, which are too few in a block to lose digits."""
    return mass.view(mass.shape[0], -1, _BLOCK).sum(-1)


def _combined(
    logits: torch.Tensor,
    scores: torch.Tensor | None,
    hot: torch.Tensor | None,
    where: torch.Tensor,
) -> torch.Tensor:
    """Tempered logits of some rows with their scores; in float64 where scores are large.

    Beside a score of 10,000 the logits would lose their third digit behind the point.
    """
    import torch

    combined = logits[where]
    if hot is not None:
        combined = combined / hot[where, None].to(combined.dtype)
    if scores is None:
        return combined
    scores = scores[where]
    if scores.masked_fill(scores == -torch.inf, 0).abs().amax() > _LARGE_SCORE:
        large = scores.masked_fill(scores == -torch.inf, 0).abs().amax(-1) > _LARGE_SCORE
        exact = combined.double() + scores.double()
        return torch.where(large[:, None], exact, (combined + scores).double())
    return combined + scores


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


def _fill(
    body: torch.Tensor,
    log_scale: torch.Tensor,
    where: torch.Tensor | slice,
    combined: torch.Tensor,
    allowed: torch.Tensor | None,
) -> None:
    """Set the masses and log scales of some rows relative to the peak of their own tokens."""
    if allowed is not None:
        combined = combined.masked_fill(allowed == 0, float("-inf"))
    peak = combined.amax(-1, keepdim=True)
    peak = peak.masked_fill(peak == float("-inf"), 0.0)
    body[where] = (combined - peak).to(body.dtype).exp_()
    log_scale[where] = peak[:, 0].double()


def _inverse_cdf(
    mass: torch.Tensor, block_sums: torch.Tensor, rows: torch.Tensor, uniforms: torch.Tensor
) -> torch.Tensor:
    """`[M]` token ids at the uniforms' quantiles; always a token with mass, where there is one.

    Running sums round, and a parallel scan need not be monotone, so the position found is only a
    proposal for it: it is moved to the nearest token with mass.
    """
    import torch

    blocks = block_sums.double().cumsum(-1)[rows]
    target = (uniforms * blocks[:, -1])[:, None]
    block = torch.searchsorted(blocks, target, right=True).clamp_(max=blocks.shape[1] - 1)
    before = blocks.gather(1, block) - block_sums.double()[rows].gather(1, block)
    within = mass.view(mass.shape[0], -1, _BLOCK)[rows, block[:, 0]].double().cumsum_(-1)
    inside = torch.searchsorted(within, target - before, right=True).clamp_(max=_BLOCK - 1)
    tokens = (block * _BLOCK + inside)[:, 0]
    stray = (mass[rows, tokens] <= 0).nonzero()[:, 0]
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
