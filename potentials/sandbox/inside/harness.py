"""The harness: runs pieces of a program in a process with which the program can do as it likes.

Nothing that a program does from Python by mistake, or by the usual tricks, turns a failure into a
success: the verdict is signed with a key that comes with each command and is gone from the pipe
before the program runs; signing needs the suspended frame of `session`, which no frame of the
program leads to (the `for` statement below holds it where no name does), and which uses no name
that the program can replace. Whatever else arrives on the channel ends the run as a failure. A
program that reads the memory of its own process (ctypes, arrays with forged strides, the garbage
collector's lists unfrozen) can find the key and forge its own verdict, which is all that it gets:
the walls are kept by the kernel.
"""

from __future__ import annotations

import builtins
import gc
import os
import sys
import types
from _blake2 import blake2b
from _socket import CMSG_SPACE, socket
from typing import Any

from . import kernel
from .pieces import DONE, OUT_OF_MEMORY, Finish, perform, standard_streams

# The functions below look names up here first: a program cannot replace what they use.
__builtins__ = dict(vars(builtins))

KEY_BYTES, MAC_BYTES, HEAD_BYTES = 32, 32, 4
GO_ON, COPY = b"R", b"C"
"""The kinds of orders."""
PROGRESS, COPIED = b".", b"P"
"""Words that are said besides `DONE` and `FAILED`."""


def run(channel: int) -> None:
    """Do what the container says, until it kills this process; never returns."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    streams = standard_streams()
    said: list[Any] = [None]
    finish = Finish(streams)
    # No name holds what `_session` returns: see the docstring.
    for work in _session(channel, said):
        try:
            said[0] = perform(work, module.__dict__, finish)
        except MemoryError:
            module.__dict__.clear()
            finish.memory()
            said[0] = OUT_OF_MEMORY


def _session(channel: int, said: Any) -> Any:
    """Yield what is to be run, and sign what became of it."""
    read, write, close, leave = os.read, os.write, os.close, os._exit
    dup2, length, where, go = os.dup2, len, os.getcwd, os.chdir
    link = socket(fileno=channel)
    receive = link.recvmsg
    copy, die_with_parent = kernel.copy_process, kernel.die_with_parent
    to_int, order = int.from_bytes, sys.byteorder

    def exactly(count: int) -> bytes:
        received = b""
        while length(received) < count:
            part = read(channel, count - length(received))
            if not part:
                leave(0)
            received += part
        return received

    def sign(key: Any, body: bytes) -> None:
        mac = key.copy()
        mac.update(body)
        rest = length(body).to_bytes(HEAD_BYTES, "big") + mac.digest() + body
        while rest:
            rest = rest[write(channel, rest) :]

    gc.freeze()
    while True:
        # Who waits holds on to no folder, and finds the one that is there when it goes on.
        try:
            here = where()
            go("/")
        except OSError:
            here = None
        kind, ancillary, _, _ = receive(1, CMSG_SPACE(12))
        if not kind:
            leave(0)
        key = blake2b(key=exactly(KEY_BYTES), digest_size=MAC_BYTES)
        size = to_int(exactly(HEAD_BYTES), "big")
        body = exactly(size)
        if kind == COPY:
            places = ancillary[0][2]
            fresh = [to_int(places[i : i + 4], order) for i in (0, 4, 8)]
            pid = copy(True)
            if pid == 0:
                die_with_parent()
                dup2(fresh[0], channel, False)
                dup2(fresh[1], 1)
                dup2(fresh[2], 2)
            for place in fresh:
                close(place)
            if pid:
                sign(key, COPIED + b"%d" % pid)
            if here is not None:
                go(here)
            continue
        if here is not None:
            go(here)
        first, rest = body.split(b"\n", 1)
        index, count, limit, asks = [int(n) for n in first.split(b" ")]
        lengths, rest = rest.split(b"\n", 1)
        sizes = [int(n) for n in lengths.split(b" ")]
        texts = []
        at = 0
        for n in sizes:
            texts.append(rest[at : at + n].decode("utf-8", "surrogatepass"))
            at += n
        del body, rest
        failed = False
        for source in texts[:count]:
            yield source, index, limit
            if said[0] is not None:
                failed = True
                break
            index += 1
            sign(key, PROGRESS)
        if not failed:
            yield (texts[count] if asks else None), -1, limit
            failed = said[0][0] != DONE
        answer = said[0]
        said[0] = None
        sign(key, answer[0] + b"%d\n" % index + answer[1].encode("utf-8", "surrogatepass"))
        del key, texts, answer
