"""Variants of the text-to-SQL task: other prompts, other places to resample, another proposal.

python -m benchmarks run spider:compact …
"""

from __future__ import annotations

from domains.base import Variants
from domains.spider.task import SpiderTask

VARIANTS: Variants = {
    "chat": SpiderTask(chat=True),
    "chat_by_clause": SpiderTask(chat=True, by_clause=True),
    "chat_by_name": SpiderTask(chat=True, by_name=True),
    "zero_shot": SpiderTask(shots=0),
    # The embedded model knows this prompt alone.
    "compact": SpiderTask(shots=0, compact=True),
    "by_clause": SpiderTask(shots=0, compact=True, by_clause=True),
    "by_name": SpiderTask(shots=0, compact=True, by_name=True),
}
"""`chat`: prompts are messages. `zero_shot`: no shown examples, for models of a short context.
`compact`: the prompt of the embedded model, of few tokens. By clause, particles wait for each other
at the ends of clauses; by name, full SMC draws until scope and execution accept."""
