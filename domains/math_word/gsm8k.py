"""The task on GSM8K.

python -m benchmarks run domains.math_word.gsm8k --model …
"""

from __future__ import annotations

from domains.math_word.task import MathWordTask

TASK = MathWordTask(dataset="gsm8k")
