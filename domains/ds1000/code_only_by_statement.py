"""Statement-level particles, without the words of the problems: for models of a short context.

python -m benchmarks run domains.ds1000.code_only_by_statement --model …
"""

from __future__ import annotations

from domains.ds1000.task import Ds1000Task

TASK = Ds1000Task(words=False, statements=True)
