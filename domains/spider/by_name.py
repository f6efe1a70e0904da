"""The compact task with the expensive potentials in the proposal of full SMC, token by token.

python -m benchmarks run domains.spider.by_name --methods smc
"""

from __future__ import annotations

from domains.spider.task import SpiderTask

TASK = SpiderTask(shots=0, compact=True, by_name=True)
