"""The compact task with statement-synchronous particles: compared, and resampled, clause by clause.

python -m benchmarks run domains.spider.by_clause
"""

from __future__ import annotations

from domains.spider.task import SpiderTask

TASK = SpiderTask(shots=0, compact=True, by_clause=True)
