"""The draw mailboxes of the workers of a vLLM engine: tensor parallelism.

Every worker has a mailbox of its own and answers the same request with the same logits (they are
gathered on all of them), so that all force the same tokens. Requests travel by vLLM's calls to its
workers, and the first worker's answer is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from smc.backends.vllm_local.mailbox import DrawMailbox, StepRequest, StepResult
from smc.backends.vllm_local.processor import MailboxProcessor
from smc.model import DrawRequest, Draws, FloatArray

_MAILBOX = DrawMailbox()  # the one of this process; a worker runs one model


class WorkerProcessor(MailboxProcessor):
    """The logits processor that a worker loads by name."""

    mailbox = _MAILBOX


class WorkerMailbox:
    """Mixed into vLLM's worker class: what `RemoteMailbox` calls there."""

    def smc_post(self, request: StepRequest) -> None:
        """Leave a request at this process's mailbox."""
        _MAILBOX.post(request)

    def smc_collect(self) -> tuple[StepResult | None, Exception | None]:
        """What came of it, or why nothing did; an exception raised here would end the worker."""
        return _caught(_MAILBOX.collect)

    def smc_redraw(
        self, decoding: int, request: DrawRequest
    ) -> tuple[Draws | None, Exception | None]:
        """Draw from kept logits."""
        return _caught(lambda: _MAILBOX.redraw(decoding, request))

    def smc_log_probs(
        self, decoding: int, rows: Sequence[int]
    ) -> tuple[FloatArray | None, Exception | None]:
        """Log probabilities of kept logits."""
        return _caught(lambda: _MAILBOX.log_probs(decoding, rows))

    def smc_forget(self, decodings: Sequence[int]) -> None:
        """Free kept logits."""
        for decoding in decodings:
            _MAILBOX.forget(decoding)


LOGITS_PROCESSOR = f"{__name__}:WorkerProcessor"
WORKER_EXTENSION = f"{__name__}.WorkerMailbox"


class RemoteMailbox:
    """The workers' mailboxes, seen from the engine's process; see `DrawMailbox`.

    Args:
        core: vLLM's client of an engine core, which calls its workers.
    """

    def __init__(self, core: Any) -> None:
        self._core = core
        self._forgotten: list[int] = []

    def post(self, request: StepRequest) -> None:
        """See `DrawMailbox.post`."""
        if self._forgotten:
            self._core.collective_rpc("smc_forget", args=(self._forgotten,))
            self._forgotten = []
        self._core.collective_rpc("smc_post", args=(request,))

    def collect(self) -> StepResult | None:
        """See `DrawMailbox.collect`."""
        return self._ask("smc_collect")

    def redraw(self, decoding: int, request: DrawRequest) -> Draws:
        """See `DrawMailbox.redraw`."""
        return self._ask("smc_redraw", decoding, request)

    def log_probs(self, decoding: int, rows: Sequence[int]) -> FloatArray:
        """See `DrawMailbox.log_probs`."""
        return self._ask("smc_log_probs", decoding, list(rows))

    def forget(self, decoding: int) -> None:
        """See `DrawMailbox.forget`; done with the next request."""
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
