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
    """

    status: Status
    body: bytes = b""
    pieces: int = 0


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


def command(run: RunProcess, kind: bytes, body: bytes, fds: list[int], deadline: float) -> bool:
    """Send a command with a new key; return whether it was taken in time."""
    run.key = os.urandom(harness.KEY_BYTES)
    message = kind + run.key + len(body).to_bytes(harness.HEAD_BYTES, "big") + body
    run.link.settimeout(max(0.001, deadline - time.monotonic()))
    try:
        if fds:
            socket.send_fds(run.link, [message[:1]], fds)
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

    It is signed, and what stands before its JSON can be read: a program that got hold of the key
    says what it likes.
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
    expected = blake2b(body, key=run.key, digest_size=harness.MAC_BYTES).digest()
    known = body == harness.PROGRESS or _ANSWER.fullmatch(body)
    return body if known and compare_digest(mac, expected) else b""
