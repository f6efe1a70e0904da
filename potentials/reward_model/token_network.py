"""Likelihood of steps in one batched forward pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch

from potentials.reward_model.network import Reader, TextRow, numbers

_AT_ONCE = 1024
"""Positions whose rows of the vocabulary are normalised at a time, to bound memory."""


class TokenNetwork(Reader):
    """A causal language model; the score of a step is the probability of its tokens.

    These are the ones behind the mark before, or behind `TextRow.first`, up to the step's own mark.
    """

    def _scores(self, out: Any, rows: Sequence[TextRow]) -> list[tuple[float, ...]]:
        at = [
            (r, p, row.new[p + 1])
            for r, row in enumerate(rows)
            if row.marks
            for p in range(row.first, row.marks[-1])
        ]
        log_likelihoods: list[float] = []
        for k in range(0, len(at), _AT_ONCE):
            r, p, token = torch.tensor(at[k : k + _AT_ONCE]).T.to(out.logits.device)
            log_probs = out.logits[r, p].float().log_softmax(-1)
            log_likelihoods += numbers(log_probs[torch.arange(len(token)), token])
        values = iter(log_likelihoods)
        return [
            tuple(
                math.exp(math.fsum(next(values) for _ in range(before, mark)))
                for before, mark in pairwise((row.first, *row.marks))
            )
            for row in rows
        ]
