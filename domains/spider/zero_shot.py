"""The task without shown examples, for models of a short context.

python -m benchmarks run domains.spider.zero_shot --model …
"""

from __future__ import annotations

from domains.spider.task import SpiderTask

TASK = SpiderTask(shots=0)
