"""The logits processor that answers the draw mailbox, under either model runner.

vLLM has two model runners, each with an interface of its own for logits processors: the first
tells of every change of its batch and then hands over the logits; the second names a slot for each
request and the slots of the rows with the logits. One class that is both loads under either.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch

from smc.backends.vllm_local.internals import (
    SWAP,
    FirstRunnerProcessor,
    SecondRunnerProcessor,
)
from smc.backends.vllm_local.mailbox import DrawMailbox

REQUEST = "smc_request"
"""The extra argument of a request's sampling parameters that holds its number."""


class MailboxProcessor(FirstRunnerProcessor, SecondRunnerProcessor):
    """Knows which request each row of logits is of, and asks the mailbox to answer.

    A subclass names the mailbox (`for_mailbox`).
    """

    mailbox: ClassVar[DrawMailbox]

    def __init__(self, vllm_config: Any, *rest: Any) -> None:
        # The first runner calls with a device and a flag, the second with its requests' state.
        size = vllm_config.scheduler_config.max_num_seqs
        if len(rest) == 1:
            size = rest[0].max_num_reqs
        self._numbers = np.full(size, -1, dtype=np.int64)  # by place in the batch, or by slot
        self._batch: list[int] | None = None  # the first runner's batch, until it changes

    def is_argmax_invariant(self) -> bool:
        """Return False: the greedy sampler must see what is forced (first runner)."""
        return False

    def update_state(self, batch_update: Any) -> None:
        """Follow the batch: removals, then additions, then moves (first runner)."""
        if batch_update is None:
            return
        self._batch = None
        numbers = self._numbers
        for index in batch_update.removed:
            numbers[index] = -1
        for index, params, _, _ in batch_update.added:
            numbers[index] = _number(params)
        for source, target, direction in batch_update.moved:
            if direction == SWAP:
                numbers[[source, target]] = numbers[[target, source]]
            else:
                numbers[target], numbers[source] = numbers[source], -1

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """Note whose slot this is; whether it is ours (second runner)."""
        self._numbers[req_idx] = _number(sampling_params)
        return bool(self._numbers[req_idx] >= 0)

    def apply(self, logits: torch.Tensor, context: Any = None) -> torch.Tensor:
        """Have the mailbox answer with the logits (both runners)."""
        if context is not None:
            return self.mailbox.answer(logits, self._numbers[context.idx_mapping_np].tolist())
        batch = self._batch
        if batch is None or len(batch) != len(logits):
            batch = self._batch = self._numbers[: len(logits)].tolist()
        return self.mailbox.answer(logits, batch)


def for_mailbox(mailbox: DrawMailbox) -> type[MailboxProcessor]:
    """Return a class of processors that answer this mailbox, for an engine in this process."""
    return type("OneMailboxProcessor", (MailboxProcessor,), {"mailbox": mailbox})


def _number(params: Any) -> int:
    return (params.extra_args or {}).get(REQUEST, -1)
