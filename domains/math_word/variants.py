"""Variants of the word problem task: the other data sets.

python -m benchmarks run math_word:gsm8k …
"""

from __future__ import annotations

from domains.base import Variants
from domains.math_word.task import MathWordTask

VARIANTS: Variants = {
    "aime": MathWordTask(dataset="aime"),
    "gsm8k": MathWordTask(dataset="gsm8k"),
}
"""By the name of the data set; the plain task is MATH-500."""
