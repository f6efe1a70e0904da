"""Registered potentials in processes of their own, which can be ended when they hang.

A thread cannot be ended, and one that computes holds up all others, for the interpreter runs one at
a time: a regular expression that never finishes stops a whole server. So `smc serve` starts a
process for each of its potentials, which answers questions about texts.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

from smc.errors import SettingsError
from smc.integrations.server.time_limits import PotentialTimeoutError, RegisteredPotentialError
from smc.potential import AnyPotential, Boundary, IncrementalPotential, Potential
from smc.references import find_potential

logger = logging.getLogger(__name__)

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from smc.integrations.potential_child import main; "
    "main(int(sys.argv[2]), sys.argv[3], float(sys.argv[4]))"
)


class PotentialProcess:
    """The process of one potential; started again where it ended.

    Args:
        name: As clients know the potential.
        reference: As `smc serve --potential` takes it.
        seconds: That an answer may take.
        start_seconds: That the process may take to start.
    """

    def __init__(
        self, name: str, reference: str, seconds: float, start_seconds: float = 120.0
    ) -> None:
        self.name = name
        self.seconds = seconds
        self.start_seconds = start_seconds
        self._reference = reference
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    def potential(self) -> AnyPotential:
        """Wait for the process, and return a potential that asks it.

        One that scores tokens is loaded into this process instead: it is asked at every token, and
        belongs where the vocabulary is.

        Raises:
            SettingsError: The potential cannot be found, imported or made, or is none.
        """
        try:
            kind, name, boundary = self._await_ready(self.start_seconds)
        except RegisteredPotentialError as error:
            self.close()
            raise SettingsError(str(error)) from error
        if kind == "token":
            self.close()
            return find_potential(self._reference)
        return (_OfText if kind == "text" else _OfBytes)(self, name, boundary)

    def ask(self, method: str, texts: Sequence[Any]) -> Sequence[Any]:
        """Return what a method of the potential says of texts.

        Raises:
            PotentialTimeoutError: It does not answer in time, and was ended.
            RegisteredPotentialError: It failed, or its process ended.
        """
        with self._lock:
            self._await_ready(self.start_seconds)
            try:
                self._connection.send((method, list(texts)))
                answered = self._connection.poll(self.seconds)
                answer = self._connection.recv() if answered else None
            except (OSError, EOFError, pickle.UnpicklingError) as error:
                status = self._restart()
                logger.error("potential %s: its process ended with status %s", self.name, status)
                raise self._failed() from error
            if answer is None:
                self._restart()
                logger.error("potential %s: no answer in %g s; ended", self.name, self.seconds)
                raise PotentialTimeoutError(
                    f"potential {self.name}: it does not answer within {self.seconds:g} s; try "
                    "again later, or without it."
                )
            if answer[0] == "failed":
                logger.error("potential %s failed\n%s", self.name, answer[1])
                raise self._failed()
            return answer[1]

    def close(self) -> None:
        """End the process."""
        self._closed = True
        self._process.kill()
        self._process.wait()
        self._connection.close()

    def kill(self) -> None:
        """End the process, and wait for nothing."""
        self._closed = True
        self._process.kill()

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            arguments = (json.dumps(sys.path), str(theirs.fileno()), self._reference)
            self._process = subprocess.Popen(
                [sys.executable, "-c", _START, *arguments, str(self.seconds)],
                stdin=subprocess.DEVNULL,
                stdout=sys.stderr.fileno() if _has_descriptor(sys.stderr) else None,
                pass_fds=[theirs.fileno()],
                start_new_session=True,  # signals to the server's group are the server's to handle
            )
        self._connection = Connection(os.dup(ours.fileno()))
        ours.close()
        self._ready: tuple[str, str, Boundary[Any] | None] | None = None

    def _restart(self) -> int:
        self._process.kill()
        status = self._process.wait()
        self._connection.close()
        if not self._closed:
            self._start()
        return status

    def _await_ready(self, seconds: float) -> tuple[str, str, Boundary[Any] | None]:
        if self._ready is not None:
            return self._ready
        until = time.monotonic() + seconds
        try:
            if not self._connection.poll(max(0.0, until - time.monotonic())):
                raise RegisteredPotentialError(
                    f"potential {self.name}: its process has not started in {seconds:g} s; try "
                    "again later, or without it."
                )
            told = self._connection.recv()
        except (OSError, EOFError) as error:
            raise RegisteredPotentialError(
                f"potential {self.name}: its process has not started; its operator finds the "
                "reason in the log."
            ) from error
        if told[0] == "failed":
            raise RegisteredPotentialError(told[1])
        self._ready = (told[1], told[2], pickle.loads(told[3]))
        return self._ready

    def _failed(self) -> RegisteredPotentialError:
        return RegisteredPotentialError(
            f"potential {self.name}: it failed on this server; its operator finds the reason in "
            "the log. Try without it."
        )


class _OfText(Potential):
    def __init__(self, process: PotentialProcess, name: str, boundary: Any) -> None:
        self.process, self._shown, self.boundary = process, name, boundary

    @property
    def name(self) -> str:
        return self._shown

    @property
    def patience(self) -> float:
        return self.process.seconds + self.process.start_seconds

    def prefix(self, text: str) -> float:
        return self.batch_prefix([text])[0]

    def complete(self, text: str) -> float:
        return self.batch_complete([text])[0]

    def batch_prefix(self, texts: Sequence[str]) -> Sequence[float]:
        return self.process.ask("batch_prefix", texts)

    def batch_complete(self, texts: Sequence[str]) -> Sequence[float]:
        return self.process.ask("batch_complete", texts)


class _OfBytes(IncrementalPotential[bytes]):
    """Its states are the texts; the process keeps those of the potential."""

    def __init__(self, process: PotentialProcess, name: str, boundary: Any) -> None:
        self.process, self._shown, self.boundary = process, name, boundary

    @property
    def name(self) -> str:
        return self._shown

    @property
    def patience(self) -> float:
        return self.process.seconds + self.process.start_seconds

    def start(self) -> bytes:
        return b""

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        return state + new_bytes

    def prefix(self, state: bytes) -> float:
        return self.batch_prefix([state])[0]

    def complete(self, state: bytes) -> float:
        return self.batch_complete([state])[0]

    def batch_prefix(self, states: Sequence[bytes]) -> Sequence[float]:
        return self.process.ask("batch_prefix", states)

    def batch_complete(self, states: Sequence[bytes]) -> Sequence[float]:
        return self.process.ask("batch_complete", states)


def _has_descriptor(stream: Any) -> bool:
    try:
        stream.fileno()
    except (OSError, AttributeError, ValueError):
        return False
    return True
