"""A vLLM engine in this process, one step at a time.

Requests are added and aborted at the engine's core, below the layers that turn tokens into text,
and carry no instruction but "go on": the mailbox's request says what each takes as its next token.
"""

from __future__ import annotations

import itertools
import warnings
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from smc.backends.vllm_local.internals import EngineInternals
from smc.backends.vllm_local.mailbox import DrawMailbox, StepRequest, StepResult
from smc.backends.vllm_local.processor import REQUEST
from smc.backends.vllm_local.workers import RemoteMailbox
from smc.errors import ModelError


@dataclass(frozen=True)
class CacheUse:
    """How the prefix cache served the requests so far.

    Attributes:
        requests: That were added: prompts, and rows that could not go on where they were (forks,
            mostly).
        tokens: Of those requests, when they were added.
        cached: Of those tokens, those found in the prefix cache.
    """

    requests: int = 0
    tokens: int = 0
    cached: int = 0

    @property
    def hit_rate(self) -> float:
        """The fraction of tokens that were found; 0 where there were none."""
        return self.cached / self.tokens if self.tokens else 0.0

    def __sub__(self, earlier: CacheUse) -> CacheUse:
        return CacheUse(
            self.requests - earlier.requests,
            self.tokens - earlier.tokens,
            self.cached - earlier.cached,
        )


@dataclass(frozen=True)
class Stepped:
    """What a step did.

    Attributes:
        tokens: For each request that got one, its next token.
        result: What came of the request.
    """

    tokens: dict[int, int]
    result: StepResult | None


@dataclass(frozen=True)
class _Flight:
    """A step that was begun: for whom, its first half if it has any, of how many requests."""

    decoding: int
    half: Any
    count: int


class Engine:
    """Requests by number, each owned by a decoding; steps that answer one decoding at a time.

    A step is vLLM's own (`EngineCore.step`) in two halves: the forward pass, then the draw. What
    happens between them hides behind the forward pass.

    Args:
        llm: A `vllm.LLM` whose processor answers the mailbox.
        mailbox: That one, or those of its workers.
    """

    def __init__(self, llm: Any, mailbox: DrawMailbox | RemoteMailbox) -> None:
        self.mailbox = mailbox
        self._internals = EngineInternals(llm)
        self.max_model_len = self._internals.max_model_len
        self.max_num_seqs = self._internals.max_num_seqs
        if self._internals.missing_halves:
            warnings.warn(
                f"vLLM: this release has no {', '.join(self._internals.missing_halves)}, so its "
                "steps are taken whole, and masks do not hide behind its forward passes.",
                stacklevel=3,
            )
        self.cache_use = CacheUse()
        self._owners: dict[int, int] = {}
        self._numbers = itertools.count()
        self._decodings = itertools.count()
        self._abandoned: deque[int] = deque()
        self._flight: _Flight | None = None

    def new_decoding(self) -> int:
        """Return a number for a decoding."""
        return next(self._decodings)

    def abandon(self, decoding: int) -> None:
        """Have a decoding's requests freed before the next step; safe within a finalizer."""
        self._abandoned.append(decoding)

    @property
    def num_requests(self) -> int:
        """How many requests the engine holds."""
        self._sweep()
        return len(self._owners)

    def holds(self, request: int) -> bool:
        """Whether a request is still there."""
        return request in self._owners

    def add(self, decoding: int, ids: list[int]) -> int:
        """Add a request that is to continue some token ids; return its number."""
        number = next(self._numbers)
        self._owners[number] = decoding
        self._internals.add(number, ids, {REQUEST: number})
        return number

    def abort(self, requests: Iterable[int]) -> None:
        """Free requests; those that are gone already do no harm."""
        held = [n for n in requests if n in self._owners]
        if held:
            self._settle()  # which may free some of them
            gone = [n for n in held if self._owners.pop(n, None) is not None]
            self._internals.abort(gone)

    def begin(self, decoding: int, requests: Iterable[int]) -> None:
        """Start a step of some requests of a decoding; all others are freed.

        On a GPU the forward pass may still run on return.

        Raises:
            ModelError: The engine failed.
        """
        self._settle()
        self._sweep()
        wanted = set(requests)
        self.abort([n for n in self._owners if n not in wanted])
        with _failures(len(wanted)):
            half = self._internals.begin()
        self._flight = _Flight(decoding, half, len(wanted))

    def is_stepping(self, decoding: int) -> bool:
        """Whether a step was begun for this decoding, and not ended."""
        return self._flight is not None and self._flight.decoding == decoding

    def end(self, request: StepRequest) -> Stepped:
        """End the step that was begun: draw as ordered.

        Raises:
            ModelError: The logits are not numbers, or the engine failed.
            PotentialError: The request's scores are not numbers.
        """
        self.mailbox.post(request)
        tokens = self._end()
        try:
            return Stepped(tokens, self.mailbox.collect())
        except Exception:
            self.abort(request.rows)  # they went on with no token of ours
            raise

    def _end(self) -> dict[int, int]:
        """Have the engine sample and take notice; each request's next token, where it got one."""
        assert self._flight is not None
        flight, self._flight = self._flight, None
        with _failures(flight.count):
            outputs = self._internals.end(flight.half)
        for out in outputs:
            if out.finished:
                self._owners.pop(out.request, None)
            if out.prompt_tokens is not None:
                use = self.cache_use
                self.cache_use = CacheUse(
                    use.requests + 1, use.tokens + out.prompt_tokens, use.cached + out.cached_tokens
                )
        return {out.request: out.tokens[0] for out in outputs if out.tokens}

    def _settle(self) -> None:
        """End a step that nobody will: its requests went on with any token, so they are freed."""
        if self._flight is None:
            return
        begun = self._internals.begun(self._flight.half)
        if not begun:  # steps are taken whole, and this one was not
            self._flight = None
            return
        self._end()
        self.abort(begun)

    def close(self) -> None:
        """Free all requests, then the engine's memory."""
        self.abort(list(self._owners))
        self._internals.shutdown()

    def _sweep(self) -> None:
        gone = {self._abandoned.popleft() for _ in range(len(self._abandoned))}
        if gone:
            self.abort([n for n, owner in self._owners.items() if owner in gone])
            for decoding in gone:
                self.mailbox.forget(decoding)


@contextmanager
def _failures(count: int) -> Iterator[None]:
    """Say what it means that the engine failed."""
    try:
        yield
    except Exception as error:
        raise ModelError(
            f"vLLM: its engine failed in a step of {count} requests: {error!r}. It cannot go on; "
            "load the model again. Its log says more; a common cause is that another vLLM model "
            "of this process was closed."
        ) from error
