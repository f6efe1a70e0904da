"""The desk where the model's processes are not this one: tensor parallelism.

Every worker of vLLM has a desk of its own and serves the same order with the same logits (they are
gathered on all of them), so that all force the same tokens. Orders travel by vLLM's calls to its
workers, and the first worker's answer is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smc.backends.vllm_local.desk import Desk, Order, Served
from smc.backends.vllm_local.processor import DeskProcessor
from smc.model import DrawRequest, Draws, FloatArray

_DESK = Desk()  # the one of this process; a worker runs one model


class WorkerProcessor(DeskProcessor):
    """The logits processor that a worker loads by name."""

    desk = _DESK


class WorkerDesk:
    """Mixed into vLLM's worker class: what `RemoteDesk` calls there."""

    def smc_place(self, order: Order) -> None:
        """Leave an order at this process's desk."""
        _DESK.place(order)

    def smc_collect(self) -> tuple[Served | None, Exception | None]:
        """What came of it, or why nothing did; an exception raised here would end the worker."""
        return _caught(_DESK.collect)

    def smc_redraw(self, decoding: int, plan: DrawRequest) -> tuple[Draws | None, Exception | None]:
        """Draw from kept logits."""
        return _caught(lambda: _DESK.redraw(decoding, plan))

    def smc_log_probs(
        self, decoding: int, rows: Sequence[int]
    ) -> tuple[FloatArray | None, Exception | None]:
        """Log probabilities of kept logits."""
        return _caught(lambda: _DESK.log_probs(decoding, rows))

    def smc_forget(self, decodings: Sequence[int]) -> None:
        """Free kept logits."""
        for decoding in decodings:
            _DESK.forget(decoding)


LOGITS_PROCESSOR = f"{__name__}:WorkerProcessor"
WORKER_EXTENSION = f"{__name__}.WorkerDesk"


class RemoteDesk:
    """The workers' desks, seen from the engine's process; see `Desk`.

    Args:
        core: vLLM's client of an engine core, which calls its workers.
    """

    def __init__(self, core: Any) -> None:
        self._core = core
        self._forgotten: list[int] = []

    def place(self, order: Order) -> None:
        """See `Desk.place`."""
        if self._forgotten:
            self._core.collective_rpc("smc_forget", args=(self._forgotten,))
            self._forgotten = []
        self._core.collective_rpc("smc_place", args=(order,))

    def collect(self) -> Served | None:
        """See `Desk.collect`."""
        return self._ask("smc_collect")

    def redraw(self, decoding: int, plan: DrawRequest) -> Draws:
        """See `Desk.redraw`."""
        return self._ask("smc_redraw", decoding, plan)

    def log_probs(self, decoding: int, rows: Sequence[int]) -> FloatArray:
        """See `Desk.log_probs`."""
        return self._ask("smc_log_probs", decoding, list(rows))

    def forget(self, decoding: int) -> None:
        """See `Desk.forget`; done with the next order."""
        self._forgotten.append(decoding)

    def _ask(self, method: str, *args: Any) -> Any:
        value, error = self._core.collective_rpc(method, args=args)[0]
        if error is not None:
            raise error
        return value


def _caught(call: Any) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except Exception as error:
        return None, error
