"""Variants of the programming task: prompts as chat messages, and the files of others.

python -m benchmarks run functions:humaneval …
"""

from __future__ import annotations

from domains.base import Variants
from domains.functions.task import FunctionsTask

VARIANTS: Variants = {
    "chat": FunctionsTask(style="chat"),
    "humaneval": FunctionsTask(dataset="humaneval"),
    "humaneval_chat": FunctionsTask(dataset="humaneval", style="chat"),
    "mbpp": FunctionsTask(dataset="mbpp"),
    "mbpp_chat": FunctionsTask(dataset="mbpp", style="chat"),
}
"""By data set and prompt; the plain task is the package's own, to be completed."""
