"""The vocabulary that a draft and a large model share; trailing ids of either may be padding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smc.errors import VocabularyError
from smc.model import DrawRequest, Vocabulary, mask_width


def fitted_vocabulary(large: Vocabulary, draft: Vocabulary) -> Vocabulary:
    """Return the large model's vocabulary, as wide as the draft's.

    Raises:
        VocabularyError: Some id is one token to the one and another to the other.
    """
    ends = {*large.eos_ids, *draft.eos_ids}
    padded = [
        v.tokens + (None,) * (max(len(large), len(draft)) - len(v.tokens)) for v in (large, draft)
    ]
    for i, (one, other) in enumerate(zip(*padded, strict=True)):
        if i not in ends and one != other:
            raise VocabularyError(
                f"DraftProposal: token {i} is {one!r} to the model and {other!r} to the draft; "
                "expected one vocabulary. Take a draft of the same family, with the same tokenizer."
            )
    beyond = [i for i in large.eos_ids if i >= len(draft)]
    if beyond:
        raise VocabularyError(
            f"DraftProposal: the model's EOS ids {beyond} are outside the draft's "
            f"{len(draft)} ids; expected ids that both have."
        )
    return Vocabulary(padded[0][: len(draft)], large.eos_ids)


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
