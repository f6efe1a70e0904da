"""Thread pools for work on requests, by size: what is large never holds up what is small."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from smc.integrations.server.jobs import QueueFull

T = TypeVar("T")

_SIZES = ((8_192, 2), (131_072, 1), (None, 1))
"""Characters or bytes of a piece of work, at most, and the threads for such; tokenising is the
slowest of it, at some 200,000 characters a second."""
_MOST_WAITING = 256


@dataclass(eq=False)
class _Pool:
    limit: int | None
    executor: ThreadPoolExecutor
    waiting: int = 0


class WorkPools:
    """Pools for small, middling and large pieces of work."""

    def __init__(self) -> None:
        self._pools = [
            _Pool(limit, ThreadPoolExecutor(threads, thread_name_prefix=f"work-{limit}"))
            for limit, threads in _SIZES
        ]

    async def run(self, size: int, work: Callable[[], T]) -> T:
        """Return what some work returns; call it in the event loop.

        Args:
            size: Characters or bytes that it is about.
            work: A function.

        Raises:
            QueueFull: Too much work of this size waits.
        """
        pool = next(p for p in self._pools if p.limit is None or size <= p.limit)
        if pool.waiting >= _MOST_WAITING:
            raise QueueFull
        pool.waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool.executor, work)
        finally:
            pool.waiting -= 1

    def close(self) -> None:
        """Take no more work; what waits is dropped, and what runs is not waited for."""
        for pool in self._pools:
            pool.executor.shutdown(wait=False, cancel_futures=True)
