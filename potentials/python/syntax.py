"""The syntax potential: can the text still become a Python module?"""

from __future__ import annotations

import math
import sys
import threading
from operator import itemgetter
from typing import Any, NamedTuple

from cachetools import LRUCache

from potentials.python.compiling import MAX_SIZE, compiles, may_go_on
from potentials.python.reading import ScannerState, read
from smc.potential import Boundary, IncrementalPotential
from smc.utf8 import decode_more

_MEMO_BYTES = 4 << 20
"""Of texts of unfinished statements whose verdict is kept."""

PARSED = 2000
"""Characters of an unfinished statement that are parsed at every token; then its end is awaited."""

_TOKEN_ENDS = " \t\f\r\n()[]{},;'\"`"
"""Characters after which no token of the text before can go on."""

_ONE_LINE_FIELDS = sys.version_info < (3, 12)


class SyntaxState(NamedTuple):
    """A text read so far.

    Attributes:
        reading: Where the reader stands; offsets count from the beginning of the program.
        rest: The unfinished statement, or the line so far if it has no token.
        rest_at: Where it begins.
        pending: Bytes of a character that is incomplete.
        before: The statements before it, linked: (last, those before it).
        dead: Whether a finished statement is wrong.
    """

    reading: ScannerState
    rest: str = ""
    rest_at: int = 0
    pending: bytes = b""
    before: tuple[str, Any] | None = None
    dead: bool = False


class PythonSyntax(IncrementalPotential[SyntaxState]):
    """Keeps a text the beginning, and in the end the whole, of a valid Python module.

    Valid is what this interpreter compiles. A finished statement is compiled once. Of an
    unfinished one the whole tokens among its first 2000 characters are parsed: it dies with the
    first that none of Python's rules allows there. With `boundary=python_statements()` only
    finished statements are asked about, and an error dies at the end of its statement.

    Args:
        boundary: When `prefix` is asked; default None: after every token.
        before: The beginning of the program, if the text goes on from one.
        max_size: Characters that a program may have; a longer one has no weight.

    Example:
        >>> from smc.potential import log_prefix
        >>> [log_prefix(PythonSyntax(), t) for t in ("for i in", "for i in (", "for i in )")]
        [0.0, 0.0, -inf]
    """

    def __init__(
        self,
        *,
        boundary: Boundary[Any] | None = None,
        before: str = "",
        max_size: int = MAX_SIZE,
    ) -> None:
        self.boundary, self.before, self.max_size = boundary, before, max_size
        self._memo: LRUCache[bytes, tuple[bool, int]]  # whether it compiles, and its bytes
        self._memo = LRUCache(_MEMO_BYTES, itemgetter(1))
        self._lock = threading.Lock()

    def start(self) -> SyntaxState:
        """Return the state of the empty text."""
        nothing = ScannerState()
        nest = nothing.nest._replace(one_line_fields=_ONE_LINE_FIELDS)
        return self._read(SyntaxState(nothing._replace(nest=nest)), self.before)

    def advance(self, state: SyntaxState, new_bytes: bytes) -> SyntaxState:
        """Return the state after further bytes; the statements that they finish are compiled."""
        text, pending = decode_more(state.pending, new_bytes)
        return self._read(state, text)._replace(pending=pending)

    def prefix(self, state: SyntaxState) -> float:
        """Return −inf if the text can become no module, else 0."""
        if state.dead or not self._goes_on(state):
            return -math.inf
        return 0.0

    def complete(self, state: SyntaxState) -> float:
        """Return −inf if the text is no module, else 0."""
        if self.prefix(state) == -math.inf:
            return -math.inf
        pieces = [state.rest + state.pending.decode("utf-8", "replace")]
        linked = state.before
        while linked is not None:
            pieces.append(linked[0])
            linked = linked[1]
        return 0.0 if compiles("\n".join(reversed(pieces))) else -math.inf

    def _read(self, state: SyntaxState, text: str) -> SyntaxState:
        """Read in parts, so that the verdict does not depend on how the text came in pieces.

        One of them ends where an unfinished statement is parsed for the last time.
        """
        while text and not state.dead:
            last = state.rest_at + PARSED
            part = last - state.reading.at if state.rest and state.reading.at < last else PARSED
            state = self._read_part(state, text[:part])
            if state.reading.at == state.rest_at + PARSED and not self._goes_on(state):
                state = state._replace(dead=True)
            text = text[part:]
        return state

    def _read_part(self, state: SyntaxState, text: str) -> SyntaxState:
        reading, spans = read(state.reading, text)
        known, at = state.rest + text, state.rest_at
        before, dead = state.before, reading.at > self.max_size
        for start, end in spans:
            statement = known[start - at : end - at]
            before, dead = (statement, before), dead or not self._compiles(statement)
        begin = reading.start
        if begin < 0:  # the white space of a line is kept: its first token may be wrong there
            begin = reading.at if reading.lines.kind else reading.lines.line_start
        return SyntaxState(reading, known[begin - at :], begin, b"", before, dead)

    def _goes_on(self, state: SyntaxState) -> bool:
        rest, lexeme = state.rest, state.reading.nest.lexeme
        if len(rest) > PARSED:
            return True
        if lexeme >= 0:
            rest = rest[: max(0, lexeme - state.rest_at)]
        tokens = rest[: max(map(rest.rfind, _TOKEN_ENDS)) + 1]
        return not tokens.strip() or self._remembered(b"p", tokens)

    def _compiles(self, statement: str) -> bool:
        return self._remembered(b"s", statement)

    def _remembered(self, kind: bytes, source: str) -> bool:
        key = kind + source.encode("utf-8", "surrogatepass")
        with self._lock:
            known = self._memo.get(key)
        if known is not None:
            return known[0]
        answer = compiles(source) if kind == b"s" else may_go_on(source)
        if len(key) <= _MEMO_BYTES:
            with self._lock:
                self._memo[key] = answer, len(key)
        return answer
