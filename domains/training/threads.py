"""Threads of a training process."""

from __future__ import annotations

import torch


def use_threads(count: int) -> None:
    """Compute with so many threads, and take numbers too small to matter for zero."""
    torch.set_num_threads(count)
    torch.set_flush_denormal(True)
