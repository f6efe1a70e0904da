"""Time limits on calls of a potential: each runs in a thread that can be given up.

A potential of the operator's is any program, and one that hangs or fails is no request's fault
alone. Python cannot end a thread, so one that does not come back is left to itself; a potential
that has several such is not called any more until one of them comes back.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import Any

from smc.errors import PotentialError
from smc.integrations.server.turns import Turn

logger = logging.getLogger(__name__)

_MOST_GIVEN_UP = 4
"""Calls of one potential that may hang at a time; each holds a thread."""
_PROMPT_SECONDS = 0.05
"""A potential that answers within this time is waited for with the turn: to give it up costs a
whole step of another lane. One that did not, the last time, is waited for without."""


class RegisteredPotentialError(PotentialError):
    """A potential of the server failed; the message is fit for clients, the cause is logged."""


class PotentialTimeoutError(RegisteredPotentialError):
    """A potential of the server did not come back in time."""


class CallLimit:
    """Calls the methods of one potential, one at a time, each within a time limit.

    Args:
        name: As clients know the potential.
        seconds: Of each call.
        turn: Given up while a call runs that takes long.
    """

    def __init__(self, name: str, seconds: float, turn: Turn) -> None:
        self.name = name
        self.seconds = seconds
        self._turn = turn
        self._line = threading.Lock()
        self._thread: _CallThread | None = None
        self._given_up: list[_CallThread] = []
        self._prompt = True

    @property
    def hangs(self) -> bool:
        """Whether a call that was given up has not come back."""
        self._given_up = [t for t in self._given_up if t.busy]
        return bool(self._given_up)

    def __call__(self, call: Callable[[], Any], seconds: float | None = None) -> Any:
        """Return what a call returns.

        Args:
            call: Of the potential's own code.
            seconds: In place of the usual limit.

        Raises:
            PotentialTimeoutError: It does not come back within the limit.
            RegisteredPotentialError: It raised.
        """
        limit = self.seconds if seconds is None else seconds
        if not self._line.acquire(blocking=False):
            with self._turn.given_up():
                if not self._line.acquire(timeout=limit):
                    raise self._late(limit)
        try:
            return self._called(call, limit)
        finally:
            self._line.release()

    def _called(self, call: Callable[[], Any], seconds: float) -> Any:
        if self.hangs and len(self._given_up) >= _MOST_GIVEN_UP:
            raise self._late(seconds)
        if self._thread is None:
            self._thread = _CallThread(self.name)
        future = self._thread.submit(call)
        patience = min(_PROMPT_SECONDS, seconds) if self._prompt else 0.0
        self._prompt = bool(wait([future], patience).done)
        if not self._prompt:
            began = time.monotonic()
            with self._turn.given_up():
                wait([future], seconds - patience)
            self._prompt = time.monotonic() - began < _PROMPT_SECONDS
        if not future.done():
            self._give_up(self._thread, seconds)
            raise self._late(seconds)
        try:
            return future.result()
        except RegisteredPotentialError:
            raise
        except BaseException as error:  # sys.exit, say, is no reason for the server to end
            raise self._failed(error) from error

    def _give_up(self, thread: _CallThread, seconds: float) -> None:
        self._thread = None
        thread.give_up()
        self._given_up.append(thread)
        logger.error(
            "potential %s: a call has not come back after %g s; it is given up, and its requests "
            "are answered with 503",
            self.name,
            seconds,
        )

    def _late(self, seconds: float) -> PotentialTimeoutError:
        return PotentialTimeoutError(
            f"potential {self.name}: it does not answer within {seconds:g} s; try again later, or "
            "without it."
        )

    def _failed(self, error: BaseException) -> RegisteredPotentialError:
        logger.error("potential %s failed", self.name, exc_info=error)
        return RegisteredPotentialError(
            f"potential {self.name}: it failed on this server; its operator finds the reason in "
            "the log. Try without it."
        )


class _CallThread:
    """A thread that makes one call after the other."""

    def __init__(self, name: str) -> None:
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None]
        self._calls = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._loop, name=f"potential-{name}", daemon=True)
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether it has not come to its end."""
        return self._thread.is_alive()

    def submit(self, call: Callable[[], Any]) -> Future[Any]:
        """Return what a call will return."""
        future: Future[Any] = Future()
        self._calls.put((call, future))
        return future

    def give_up(self) -> None:
        """Let it end after what it does now."""
        self._calls.put(None)

    def _loop(self) -> None:
        while (item := self._calls.get()) is not None:
            call, future = item
            try:
                future.set_result(call())
            except BaseException as error:
                future.set_exception(error)
            del item, call, future  # else a result lives until the next call
