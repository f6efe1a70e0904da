"""Choices: which texts of a posterior an answer has."""

from __future__ import annotations

import numpy as np

from smc.posterior import Posterior, TextSequence


def chosen(posterior: Posterior, n: int, *, draw: bool, seed: int) -> list[str]:
    """Return n texts.

    Args:
        posterior: Not extinct.
        n: How many.
        draw: Draw them by weight; else the n most probable texts, the last repeated where there
            are fewer.
        seed: Of the draws.
    """
    if draw:
        return posterior.sample(n, seed=np.random.default_rng([seed, 1]))
    texts = list(posterior.probabilities())[:n]
    return texts + texts[-1:] * (n - len(texts))


def sequence_of(posterior: Posterior, text: str) -> TextSequence:
    """Return the heaviest particle with a text."""
    places = [i for i, s in enumerate(posterior.sequences) if s.text == text]
    return posterior.sequences[max(places, key=lambda i: posterior.log_weights[i])]
