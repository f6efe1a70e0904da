"""The task with statement-level particles: `python -m benchmarks run domains.ds1000.by_statement`.

A step of a particle is a statement: particles wait for each other at the end of each.
"""

from __future__ import annotations

from domains.ds1000.task import Ds1000Task

TASK = Ds1000Task(statements=True)
