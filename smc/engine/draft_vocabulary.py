"""Requests fitted to the vocabulary that a draft and a large model share: one may be wider."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smc.model import DrawRequest, mask_width


def fitted_request(request: DrawRequest, size: int) -> DrawRequest:
    """Return a request for a vocabulary of another size: what is beyond either is no text."""
    mask, scores = request.mask, request.log_scores
    return replace(
        request,
        mask=None if mask is None else _resized(mask, mask_width(size)),
        log_scores=None if scores is None else _resized(scores, size),
    )


def _resized(values: NDArray[Any], width: int) -> NDArray[Any]:
    """`[R, width]`: cut, or padded with zeros."""
    missing = max(0, width - values.shape[1])
    return np.pad(values[:, :width], ((0, 0), (0, missing)))
