"""Token draws from rows of logits, where the logits live, by inverse CDF.

Of the distribution that this package calls local: model × token scores, tempered. Draws are
inverse CDFs of given uniforms, so that a seed's result does not depend on the order of the rows,
on what else is in the batch, or on the backend.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from smc.backends.masses import BLOCK, Scratch, masses_of, temperatures
from smc.errors import ModelError, PotentialError
from smc.model import DrawRequest, Draws

if TYPE_CHECKING:
    import torch

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
            _draw(logits, request, Scratch.of(logits, len(logits), masked=request.mask is not None))
            .cpu()
            .numpy()
        )
    at_once = max(1, _CELLS_AT_ONCE // size)
    scratch = Scratch.of(logits, at_once, masked=request.mask is not None)
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


def _draw(logits: torch.Tensor, request: DrawRequest, scratch: Scratch) -> torch.Tensor:
    """`[5, M]`: tokens, log weights, log probabilities; log norm and total mass of each row."""
    import torch

    device = logits.device
    rows = torch.from_numpy(request.rows).to(device)
    uniforms = torch.from_numpy(request.uniforms).to(device)
    masses = masses_of(logits, request, scratch)
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
        hot = temperatures(request, logits)
        if hot is not None:
            log_weights = log_weights + drawn * (1 - 1 / hot[rows])
    columns = tokens.double(), log_weights, log_mass - log_norm, log_norm, total[rows]
    return torch.stack(columns)


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
        within = mass.view(mass.shape[0], -1, BLOCK)[rows, block[:, 0]]
        first = block[:, 0] * BLOCK
    running = within.double().cumsum_(-1)
    inside = torch.searchsorted(running, target, right=True).clamp_(max=BLOCK - 1)
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
