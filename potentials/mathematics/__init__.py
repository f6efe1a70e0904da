"""Answers in mathematics: taken from solutions, compared, and put into one form for votes."""

from __future__ import annotations

from potentials.mathematics.answers import (
    LONGEST,
    canonical,
    equal,
    equal_many,
    extract,
    last_number,
)

__all__ = ["BOXED", "LONGEST", "canonical", "equal", "equal_many", "extract", "last_number"]

BOXED = "Please reason step by step, and put your final answer within \\boxed{}."
"""How models are asked for steps and an answer that can be found (Qwen; Liu et al. 2025)."""
