"""A process that runs pieces, as its container knows it: orders to it, answers and output."""

from __future__ import annotations

import os
import re
import socket
import time
from dataclasses import dataclass, field
from hashlib import blake2b
from hmac import compare_digest

from . import harness, pieces
from .statuses import Status

PART = 1 << 16
STATUSES = {
    pieces.DONE: Status.DONE,
    pieces.FAILED: Status.FAILED,
    harness.COPIED: Status.COPIED,
}
"""What the first byte of an answer says."""
_ANSWER = re.compile(rb"[DF]\d{1,9}\n.*|P[1-9]\d{0,8}", re.DOTALL)


@dataclass
class RunProcess:
    """A process under the container's eyes."""

    pid: int
    link: socket.socket
    out: int
    err: int
    channel: int
    """The number of the other end of `link` in the process."""
    stdout: bytes = b""
    stderr: bytes = b""
    key: bytes = b""
    """Of the order that it has."""
    progress_key: bytes = b""
    """Likewise: it signs that a piece went through."""
    progress: int = 0
    """How many pieces of the order went through."""
    pieces: int = 0
    """How many the order has."""
    trusted: bool = False
    """Whether it has run nothing of a program."""
    heard: bytearray = field(default_factory=bytearray)

    def close(self) -> None:
        """Let go of the container's ends."""
        self.link.close()
        self.close_output()

    def close_output(self) -> None:
        """Let go of the ends that the process writes its output to."""
        for place in (self.out, self.err):
            if place >= 0:
                os.close(place)
        self.out = self.err = -1


@dataclass
class Answer:
    """What became of a command.

    Attributes:
        status: How it ended.
        body: What the process said, or why.
        pieces: How many more pieces went through.
        piece: In which piece of the job it ended; −1: that is for the caller to count.
    """

    status: Status
    body: bytes = b""
    pieces: int = 0
    piece: int = -1


@dataclass
class Bounds:
    """What one job may use, over all of its processes."""

    deadline: float
    cpu_seconds: float
    memory_bytes: int
    output_bytes: int
    frame_bytes: int
    used: float = 0.0
    """Processor time of the processes before this one."""


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process."""
    try:
        return time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0


@dataclass(frozen=True)
class Order:
    """What a process is told to do.

    Attributes:
        kind: One of those of the harness.
        body: As that kind has it.
        pieces: How many pieces are to be run.
        fds: Descriptors that go with it.
    """

    kind: bytes
    body: bytes = b""
    pieces: int = 0
    fds: tuple[int, ...] = ()


def command(run: RunProcess, order: Order, deadline: float) -> bool:
    """Give an order with new keys; return whether it was taken in time."""
    run.key, run.progress_key = os.urandom(harness.KEY_BYTES), os.urandom(harness.KEY_BYTES)
    run.progress, run.pieces = 0, order.pieces
    fds, size = order.fds, len(order.body).to_bytes(harness.HEAD_BYTES, "big")
    message = order.kind + run.key + run.progress_key + size + order.body
    run.link.settimeout(max(0.001, deadline - time.monotonic()))
    try:
        if fds:
            socket.send_fds(run.link, [message[:1]], list(fds))
            message = message[1:]
        run.link.sendall(message)
    except OSError:
        return False
    finally:
        run.link.settimeout(None)
    return True


def hear(run: RunProcess, place: str) -> bool:
    """Take what a process has written; return whether more may come."""
    try:
        part = os.read(getattr(run, place), PART)
    except BlockingIOError:
        return True
    if place == "out":
        run.stdout += part
    else:
        run.stderr += part
    return bool(part)


def drain(run: RunProcess, most: int) -> None:
    """Take what is left of the output of a process that writes no more."""
    for place in ("out", "err"):
        while len(run.stdout) + len(run.stderr) <= most:
            before = len(run.stdout) + len(run.stderr)
            hear(run, place)
            if len(run.stdout) + len(run.stderr) == before:
                break


def frame(run: RunProcess, most: int) -> bytes | None:
    """Return the next answer if it is whole; nothing (b"") for one that the harness would not give.

    That all went through is believed only after the word of each piece. What stands before the
    JSON of an answer can be read; the rest is for the caller to check.
    """
    head = harness.HEAD_BYTES
    if len(run.heard) < head:
        return None
    size = int.from_bytes(run.heard[:head], "big")
    if size > most:
        return b""
    end = head + harness.MAC_BYTES + size
    if len(run.heard) < end:
        return None
    mac = bytes(run.heard[head : head + harness.MAC_BYTES])
    body = bytes(run.heard[head + harness.MAC_BYTES : end])
    del run.heard[:end]
    if body == harness.PROGRESS + b"%d" % run.progress and run.progress < run.pieces:
        run.progress += 1
        return harness.PROGRESS if _signed(body, run.progress_key, mac) else b""
    if not _ANSWER.fullmatch(body):
        return b""
    # Who says of itself that it failed is believed.
    if body[:1] == pieces.FAILED:
        return body
    through = body[:1] != pieces.DONE or run.progress == run.pieces
    return body if through and _signed(body, run.key, mac) else b""


def _signed(body: bytes, key: bytes, mac: bytes) -> bool:
    return compare_digest(mac, blake2b(body, key=key, digest_size=harness.MAC_BYTES).digest())
