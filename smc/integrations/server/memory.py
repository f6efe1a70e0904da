"""Memory trimming: what is freed is given back to the system.

The keys and values of a batch are allocated anew at every token, each time a little larger, and
what other threads allocate meanwhile pins the gaps: glibc keeps them all. Under load that was
150 MB a minute, without end.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from functools import cache

_EVERY_SECONDS = 10.0


class MemoryTrimmer:
    """Calls glibc's `malloc_trim` now and then; nothing where there is none."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def __call__(self) -> bool:
        """Give back what is free, unless that was done within the last ten seconds.

        Returns:
            Whether it was done now.
        """
        now = time.monotonic()
        if now - self._last < _EVERY_SECONDS:
            return False
        self._last = now
        trim = _malloc_trim()
        if trim is not None:
            trim(0)
        return True


@cache
def _malloc_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL("libc.so.6").malloc_trim
    except (OSError, AttributeError):  # not Linux, or another C library
        return None
