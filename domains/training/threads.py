"""Threads of a training run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def training_threads(count: int) -> Iterator[None]:
    """Compute with so many threads, and take numbers too small to matter for zero.

    Afterwards both are as by default: else a user's 5e-324 would be zero to whatever this process
    runs next.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        torch.set_flush_denormal(False)
