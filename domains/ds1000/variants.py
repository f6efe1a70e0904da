"""Variants of the data science task: shorter prompts, particles that wait at statements.

python -m benchmarks run ds1000:code_only …
"""

from __future__ import annotations

from domains.base import Variants
from domains.ds1000.task import Ds1000Task

VARIANTS: Variants = {
    "by_statement": Ds1000Task(statements=True),
    "code_only": Ds1000Task(words=False),
    "code_only_by_statement": Ds1000Task(words=False, statements=True),
}
"""`by_statement`: particles wait for each other at the end of every statement. `code_only`: prompts
without the words of the problem, for models of a short context."""
