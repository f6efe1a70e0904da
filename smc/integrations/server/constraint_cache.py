"""A cache of the constraints of requests: made once each, by few threads, within limits.

A grammar in a request is hostile input: it may take hours or all memory to make. So the cache first
has it tried elsewhere (`smc serve`: in a process with limits), makes few at a time, and bounds how
many wait. Requests without one never wait for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from cachetools import LRUCache

from smc.errors import GrammarError
from smc.integrations.constraints import constraints, request_limits
from smc.integrations.server.jobs import QueueFull
from smc.potential import AnyPotential

Validate = Callable[[str, str], None]
"""From a kind and a text to nothing, or a GrammarError."""

_THREADS = 2
_KEPT = 16
_MOST_WAITING = 64


class ConstraintCache:
    """Makes potentials of what requests ask for.

    Args:
        validate: Called before a constraint is made, in a thread of its own; must come back within
            a time limit. None: nothing bounds how long one takes.
    """

    def __init__(self, validate: Validate | None = None) -> None:
        self._validate = validate
        self._made: LRUCache[tuple[str, str], Future[Sequence[AnyPotential]]] = LRUCache(_KEPT)
        self._waiting = 0
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="constraints")

    def make(self, kind: str, text: str) -> Future[Sequence[AnyPotential]]:
        """Return what `grammar`, `regex`, `json_schema`, … means, or will in a while.

        The last few are remembered, also those whose text is at fault.

        Returns:
            Of potentials, or of the error: a GrammarError where the text is at fault.

        Raises:
            QueueFull: Too many wait to be made.
        """
        key = (kind, text)
        with self._lock:
            if key in self._made:
                return self._made[key]
            if self._waiting >= _MOST_WAITING:
                raise QueueFull
            self._waiting += 1
            future = self._pool.submit(self._make, kind, text)
            self._made[key] = future
            return future

    def close(self) -> None:
        """Make no more; what waits is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _make(self, kind: str, text: str) -> Sequence[AnyPotential]:
        try:
            if self._validate is not None:
                self._validate(kind, text)
            return constraints(**{kind: text}, limits=request_limits())
        except GrammarError:
            raise
        except BaseException:
            with self._lock:  # no fault of the text: the next request tries again
                self._made.pop((kind, text), None)
            raise
        finally:
            with self._lock:
                self._waiting -= 1
