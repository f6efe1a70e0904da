"""Execution of one piece of a program, and the report of its end in words that are not its own."""

from __future__ import annotations
import __future__

import builtins
import linecache
import sys
from _json import encode_basestring_ascii, make_encoder
from _signal import (  # pyright: ignore[reportMissingImports]
    SIG_DFL,
    SIG_IGN,
    default_int_handler,
    getitimer,
    getsignal,
    setitimer,
    signal,
)
from io import BufferedReader as Reader
from io import BufferedWriter as Writer
from io import FileIO, TextIOWrapper
from resource import RLIMIT_AS, getrlimit, setrlimit
from typing import Any

# The functions below look names up here first: a program cannot replace what they use.
__builtins__ = dict(vars(builtins))

DONE, FAILED = b"D", b"F"

OUT_OF_MEMORY = b'{"outcome":"memory","error":"MemoryError","message":"","line":null}'

_MESSAGE = 2000
_TYPE_NAME = type.__dict__["__name__"].__get__
_FUTURE = 0
_ONLY_AST = 0x400
for _feature in __future__.all_feature_names:
    _FUTURE |= getattr(__future__, _feature).compiler_flag
_CAUGHT_SIGNALS = [n for n in range(1, 32) if n not in (9, 19)]
_TIMERS = (0, 1, 2)


def name_of(piece: int) -> str:
    """Return the file name that a piece has in tracebacks."""
    return f"<piece {piece}>"


def standard_streams() -> list[Any]:
    """Give the program streams of its own; return those that it writes to."""
    sys.stdin = TextIOWrapper(Reader(FileIO(0, closefd=False)), "utf-8")
    streams = [
        TextIOWrapper(Writer(FileIO(n, "w", closefd=False)), "utf-8", "backslashreplace")
        for n in (1, 2)
    ]
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__ = streams
    return streams


class TooLongError(Exception):
    """The value that was asked for takes too many bytes."""


class StopSilentlyError(Exception):
    """A piece raised `StopIteration`, which an iterator takes for its own end."""


class Finish:
    """Runs what is the interpreter's part in a run, and brings it into a state to speak of its end.

    Attributes:
        piece: Number of the piece that runs, or will run next.
        codes: The pieces of the order, as far as they are Python.
        wrong: Why they end before the order does; None: they do not.
    """

    def __init__(self, streams: list[Any]) -> None:
        self._flush = [s.flush for s in streams]
        self._trace = sys.settrace, sys.setprofile
        self._monitoring = getattr(sys, "monitoring", None)
        self._limits = getrlimit, setrlimit
        self._future = 0
        """What `from __future__` asked for in earlier pieces."""
        self._asked = False
        self.piece = 0
        self.codes: list[Any] = []
        self.wrong: BaseException | None = None

    def compile(self, sources: list[str], first: int) -> bytes:
        """Compile the pieces of an order, the first of which has this number; return nothing."""
        self.piece, self.codes, self.wrong = first, [], None
        for number, source in enumerate(sources, first):
            name = name_of(number)
            linecache.cache[name] = (len(source), None, _lines(source), name)
            try:
                code = compile(source, name, "exec", self._future, True)
                if number and "__doc__" in code.co_names:
                    code = _without_docstring(source, name, self._future) or code
            except BaseException as error:
                self.wrong = error
                return b""
            self._future |= code.co_flags & _FUTURE
            self.codes.append(code)
        return b""

    def result(self, source: str | None, namespace: dict[str, Any], limit: int) -> bytes:
        """Return as JSON that all pieces went through, with the value that was asked for.

        Raises:
            BaseException: What evaluating it raises.
            TooLongError: It takes more bytes than `limit`.
        """
        value = "null"
        if source is not None:
            self._asked = True
            value = _as_json(eval(compile(source, "<result>", "eval", 0, True), namespace))
        timed = any(getitimer(n)[0] for n in _TIMERS)
        plain = source is None and not timed and not self.answers_signals()
        if not plain:
            self.watchers()
            self.timers()
            self.signals()
        self.output()
        if len(value) > limit:
            raise TooLongError(f"the result takes {len(value)} bytes as JSON, more than {limit}")
        text = "".join(('{"plain":', "true" if plain else "false", ',"value":', value, "}"))
        return text.encode("ascii")

    def failure(self, error: BaseException) -> bytes:
        """Return as JSON what ended the run."""
        self.memory()
        self.watchers()
        kind = type(error)
        if kind is TooLongError:
            report = _said("output", "", str(error), None)
        elif kind is StopSilentlyError:
            report = _said("error", "StopIteration", "", None)
        else:
            report = _failure(error, "<result>" if self._asked else name_of(self.piece))
        self.timers()
        self.signals()
        self.output()
        return report.encode("ascii")

    def memory(self) -> None:
        """Take the memory that was kept back for this."""
        get, put = self._limits
        hard = get(RLIMIT_AS)[1]
        put(RLIMIT_AS, (hard, hard))

    def watchers(self) -> None:
        """Take away what the program lets look on at each call."""
        for clear in self._trace:
            clear(None)
        if self._monitoring is not None:
            for tool in range(6):
                if self._monitoring.get_tool(tool) is not None:
                    self._monitoring.set_events(tool, 0)
                    self._monitoring.free_tool_id(tool)

    def timers(self) -> bool:
        """Stop the timers; return whether there were any."""
        stopped = False
        for which in _TIMERS:
            if getitimer(which)[0]:
                setitimer(which, 0)
                stopped = True
        return stopped

    def answers_signals(self) -> bool:
        """Whether the program has functions that a signal calls."""
        usual = None, SIG_DFL, SIG_IGN, default_int_handler
        return any(getsignal(number) not in usual for number in _CAUGHT_SIGNALS)

    def signals(self) -> None:
        """Let no function of the program be called by a signal."""
        for number in _CAUGHT_SIGNALS:
            signal(number, SIG_DFL)

    def output(self) -> None:
        """Write what the program printed."""
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except BaseException:
                continue
        for flush in self._flush:
            try:
                flush()
            except BaseException:
                continue


def _without_docstring(source: str, name: str, flags: int) -> Any:
    """Compile a piece that goes on from others: only the first may begin with a docstring."""
    tree = compile(source, name, "exec", flags | _ONLY_AST, True)
    kinds = [type(s.value).__name__ if type(s).__name__ == "Expr" else "" for s in tree.body]
    if not kinds or kinds[0] != "Constant":
        return None
    strings = 0
    while strings < len(kinds) and kinds[strings] == "Constant":
        strings += 1
    del tree.body[:strings]
    return compile(tree, name, "exec", flags, True)


def _lines(source: str) -> list[str]:
    """Return the lines as they are for a file, of which each ends."""
    return (source if source.endswith("\n") else source + "\n").splitlines(True)


def _as_json(value: Any) -> str:
    encoder = make_encoder(
        {}, _not_json, encode_basestring_ascii, None, ":", ",", False, False, True
    )
    return "".join(encoder(value, 0))


def _not_json(value: Any) -> Any:
    raise TypeError(
        f"the result holds a value of type {_TYPE_NAME(type(value))}, which JSON has not; convert "
        "it in the expression, with float(...) or .tolist(), say"
    )


def _failure(error: BaseException, name: str) -> str:
    kind = type(error)
    outcome = "error"
    for known, its in ((SystemExit, "exited"), (MemoryError, "memory")):
        if known in type.mro(kind):
            outcome = its
    try:
        message = str.__str__(str(error))
    except BaseException:
        message = "(the exception cannot be printed)"
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == name:
            line = trace.tb_lineno
        trace = trace.tb_next
    if line is None and SyntaxError in type.mro(kind):
        lineno = getattr(error, "lineno", None)
        line = lineno if type(lineno) is int else None
    return _said(outcome, _TYPE_NAME(kind), message, line)


def _said(outcome: str, error: str, message: str, line: int | None) -> str:
    if len(message) > _MESSAGE:
        message = message[:_MESSAGE] + " …"
    fields = [encode_basestring_ascii(text) for text in (outcome, error, message)]
    where = "null" if line is None else str(line)
    parts = ('{"outcome":', fields[0], ',"error":', fields[1], ',"message":', fields[2])
    return "".join((*parts, ',"line":', where, "}"))
