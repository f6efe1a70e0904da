"""The process of a registered potential: it answers what the server asks about texts.

Run with the server's module path, a file descriptor and a reference. The first message tells what
the potential is, each further one answers a question.
"""

from __future__ import annotations

import faulthandler
import os
import pickle
import signal
import traceback
from collections import Counter
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from cachetools import LRUCache

from smc.errors import SMCError
from smc.potential import AnyPotential, IncrementalPotential, Potential, Product, TokenPotential
from smc.references import find_potential

_STATES = 4096
_LATER_SECONDS = 5.0
"""After its time limit a process whose server did not end it ends itself."""


def main(descriptor: int, reference: str, seconds: float) -> None:
    """Answer until the server goes away.

    Args:
        descriptor: Of the connection.
        reference: Of the potential; see `find_potential`.
        seconds: That an answer may take.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sink = open(os.devnull, "w")  # noqa: SIM115 - for as long as the process lives
    with Connection(descriptor) as server:
        try:
            potential = find_potential(reference)
            kind = _kind(potential)
            server.send(("ready", kind, potential.name, pickle.dumps(potential.boundary)))
        except BaseException as error:
            known = isinstance(error, SMCError)
            server.send(("failed", str(error) if known else traceback.format_exc()))
            return
        evaluate = _Evaluator(potential)
        while True:
            try:
                method, texts = server.recv()
            except EOFError:
                return
            # In C, without the interpreter, which the potential may never give up.
            faulthandler.dump_traceback_later(seconds + _LATER_SECONDS, exit=True, file=sink)
            try:
                answer = pickle.dumps(("values", evaluate(method, texts)))
            except BaseException:
                answer = pickle.dumps(("failed", traceback.format_exc()))
            faulthandler.cancel_dump_traceback_later()
            server.send_bytes(answer)


def _kind(potential: AnyPotential) -> str:
    if isinstance(potential, Product | TokenPotential):
        return "token"  # it is to be asked where the vocabulary is
    return "text" if isinstance(potential, Potential) else "bytes"


class _Evaluator:
    """Asks a potential about whole texts; states of texts are kept, for those that go on."""

    def __init__(self, potential: AnyPotential) -> None:
        self._potential = potential
        self._states: LRUCache[bytes, Any] = LRUCache(_STATES)
        self._lengths: Counter[int] = Counter()

    def __call__(self, method: str, texts: Sequence[Any]) -> Sequence[Any]:
        """Return what `batch_prefix` or `batch_complete` says of texts, or of their bytes."""
        potential = self._potential
        if isinstance(potential, IncrementalPotential):
            texts = [self._state(potential, raw) for raw in texts]
        return list(getattr(potential, method)(texts))

    def _state(self, potential: IncrementalPotential[Any], raw: bytes) -> Any:
        lengths = sorted((n for n in self._lengths if n <= len(raw)), reverse=True)
        known = next((n for n in lengths if raw[:n] in self._states), None)
        if known == len(raw):
            return self._states[raw]
        state = potential.start() if known is None else self._states[raw[:known]]
        if raw[known or 0 :]:
            state = potential.advance(state, raw[known or 0 :])
        if len(self._states) >= _STATES:
            oldest, _ = self._states.popitem()
            self._lengths[len(oldest)] -= 1
            self._lengths += Counter()  # without those that are none
        self._states[raw] = state
        self._lengths[len(raw)] += 1
        return state
