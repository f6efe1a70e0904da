"""Answers of solutions: those of `potentials.mathematics`."""

from __future__ import annotations

from potentials.mathematics.algebra import ask
from potentials.mathematics.answers import LONGEST, canonical, equal, equal_many, extract

__all__ = ["LONGEST", "ask", "canonical", "equal", "equal_many", "extract"]
