"""The task for chat models: `python -m benchmarks run domains.spider.chat --model …`."""

from __future__ import annotations

from domains.spider.task import SpiderTask

TASK = SpiderTask(chat=True)
