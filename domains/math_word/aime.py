"""The task on AIME.

python -m benchmarks run domains.math_word.aime --model …
"""

from __future__ import annotations

from domains.math_word.task import MathWordTask

TASK = MathWordTask(dataset="aime")
