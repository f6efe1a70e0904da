"""The statuses of an order: how a process, or its container for it, says that it ended."""

from __future__ import annotations

from enum import Enum


class Status(Enum):
    """How an order to a process ended."""

    DONE = "done"
    """All pieces went through."""
    FAILED = "failed"
    """A piece raised an exception."""
    COPIED = "copied"
    """The process made a copy of itself."""
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    KILLED = "killed"
    """The process ended, or was ended, without a word that its harness would say."""
    GONE = "gone"
    """The caller of the container left."""
