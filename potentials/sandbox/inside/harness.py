"""The harness: runs pieces of a program in a process with which the program can do as it likes.

What can be believed of it? That a piece went through is a word that leaves this process, and who is
in a process can say what it says; so of hostile code nothing follows from that word but that it was
said. A program gains by it what `try: … except: pass` would have given it. Whoever wants to know
something of a hostile program asks it for values, which come back as plain data, and compares them
where the program is not: see `examination`, which runs a test in a process of its own.

What is kept here is that a failure becomes no success by any object of the program, be it a stream
that is flushed, an exception that is printed, a trace function, or a handler of signals, and be it
allowed to rewrite all frames, variables and functions of this file: for each piece the word that it
went through is signed before the first of them runs, with a key that is forgotten then, and lies
where no name leads to it, in an iterator written in C that runs the piece and gives out its word.
An exception of the piece goes past all of it and takes the word along, and no line of Python comes
in between. The container takes a program for a success only if it has had the word of every piece.
What remains is a search through the memory of the process (ctypes, the garbage collector's lists),
and what a piece that went through has done to these functions before a later one fails.
"""

from __future__ import annotations

import builtins
import gc
import os
import sys
import types
from _blake2 import blake2b
from _operator import itemgetter
from _socket import CMSG_SPACE, socket
from itertools import chain, repeat
from typing import Any

from . import examination, kernel
from .pieces import DONE, FAILED, OUT_OF_MEMORY, Finish, StopSilentlyError, standard_streams

# The functions below look names up here first: a program does not replace them by accident.
__builtins__ = dict(vars(builtins))

KEY_BYTES, MAC_BYTES, HEAD_BYTES = 32, 32, 4
GO_ON, COPY, SERVE, TEST = b"R", b"C", b"S", b"T"
"""The kinds of orders: run pieces; make a copy; answer calls of a test; run pieces and a test."""
PROGRESS, COPIED = b".", b"P"
"""Words that are said besides `DONE` and `FAILED`."""


def run(channel: int) -> None:
    """Do what the container says, until it kills this process; never returns."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = module
    finish = Finish(standard_streams())
    write = os.write
    link = socket(fileno=channel)  # which outlives the session
    try:
        # No name holds what `_session` returns, nor the iterators in it: see the docstring.
        for word in chain.from_iterable(_session(link, module.__dict__, finish)):
            if word:
                write(channel, word)
                finish.piece += 1
            finish.watchers()
    except BaseException as error:
        try:
            report = finish.failure(error)
        except MemoryError:
            module.__dict__.clear()
            report = OUT_OF_MEMORY
        say(channel, bytes(MAC_BYTES), FAILED + b"%d\n" % finish.piece + report)
    while os.read(channel, 1):
        pass


def say(channel: int, mac: bytes, body: bytes) -> None:
    """Write words into the channel, whole."""
    rest = len(body).to_bytes(HEAD_BYTES, "big") + mac + body
    while rest:
        rest = rest[os.write(channel, rest) :]


def _session(link: socket, namespace: dict[str, Any], finish: Finish) -> Any:
    """Do what is ordered; yield iterators that run pieces and give out their words."""
    read, close, leave = os.read, os.close, os._exit
    dup2, length, where, go = os.dup2, len, os.getcwd, os.chdir
    channel, receive = link.fileno(), link.recvmsg
    compile_all = finish.compile
    copy, die_with_parent = kernel.copy_process, kernel.die_with_parent
    to_int, order = int.from_bytes, sys.byteorder
    # What runs the pieces is looked up before any of them does.
    run_all, each, both, items, second = exec, map, zip, iter, itemgetter(1)
    again, numbers, hashed = repeat, range, blake2b

    def exactly(count: int) -> bytes:
        received = b""
        while length(received) < count:
            part = read(channel, count - length(received))
            if not part:
                leave(0)
            received += part
        return received

    def mac(key: Any, body: bytes) -> bytes:
        signing = key.copy()
        signing.update(body)
        return signing.digest()

    gc.freeze()
    here = None
    while True:
        # Who waits holds on to no folder, and finds the one that is there when it goes on. One that
        # was stopped before it came to this may be in a folder that is gone: it was where it is.
        try:  # noqa: SIM105 (nothing is called that a program might have replaced)
            here = where()
        except OSError:
            pass
        try:
            go("/")
        except OSError:
            here = None
        kind, ancillary, _, _ = receive(1, CMSG_SPACE(12))
        if not kind:
            leave(0)
        if here is not None:
            go(here)
        # From here to the next `yield` nothing is called that a program might listen to.
        key = hashed(key=exactly(KEY_BYTES), digest_size=MAC_BYTES)
        progress = hashed(key=exactly(KEY_BYTES), digest_size=MAC_BYTES)
        body = exactly(to_int(exactly(HEAD_BYTES), "big"))
        given = ancillary[0][2] if ancillary else b""
        fds = [to_int(given[i : i + 4], order) for i in range(0, length(given), 4)]
        if kind == COPY:
            pid = copy(True)
            if pid == 0:
                die_with_parent()
                dup2(fds[0], channel, False)
                dup2(fds[1], 1)
                dup2(fds[2], 2)
            for place in fds:
                close(place)
            if pid:
                said = COPIED + b"%d" % pid
                say(channel, mac(key, said), said)
            continue
        if kind == SERVE:
            # What this process says is not listened to any more.
            del key, progress
            examination.serve(fds[0], namespace)
            leave(0)
        texts, first, limit, asks = _read(body)
        asked = texts.pop() if asks else None
        yield each(compile_all, [texts], [first])
        codes = finish.codes
        spaces = again(namespace)
        if kind == TEST:
            # Those of the test when its turn comes: its setup defines some of them.
            tested = map(examination.names, fds, [namespace])
            spaces = chain(repeat(namespace, length(texts) - 1), tested)
        words = []
        for number in numbers(length(codes)):
            body = PROGRESS + b"%d" % number
            words.append(length(body).to_bytes(HEAD_BYTES, "big") + mac(progress, body) + body)
        hidden = [items(words)]
        del progress, words
        yield each(second, both(each(run_all, codes, spaces), hidden.pop()))
        if finish.piece < first + length(codes):
            raise StopSilentlyError
        if finish.wrong is not None:
            raise finish.wrong
        said = DONE + b"%d\n" % finish.piece + finish.result(asked, namespace, limit)
        say(channel, mac(key, said), said)
        del key, codes, spaces, texts, asked, said


def _read(body: bytes) -> tuple[list[str], int, int, int]:
    """Return the texts, the number of the first, the most bytes of a value, and if one is asked."""
    numbers, lengths, texts = body.split(b"\n", 2)
    first, limit, asks = [int(n) for n in numbers.split(b" ")]
    read = []
    at = 0
    for n in [int(n) for n in lengths.split(b" ") if n]:
        read.append(texts[at : at + n].decode("utf-8", "surrogatepass"))
        at += n
    return read, first, limit, asks
