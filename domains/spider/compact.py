"""The task in the form that the embedded model was trained on: a prompt of few tokens.

python -m benchmarks run domains.spider.compact
"""

from __future__ import annotations

from domains.spider.task import SpiderTask

TASK = SpiderTask(shots=0, compact=True)
