"""The runner: programs run in the sandbox piece by piece, each at most once."""

from __future__ import annotations

import hashlib
import threading
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from potentials.python.compiling import MAX_SIZE, compiles
from potentials.python.statements import split_statements
from smc.errors import PotentialError

if TYPE_CHECKING:
    from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox

_MEMO_ENTRIES = 20_000  # of some 200 bytes each
_SHOWN = 500


@dataclass(frozen=True)
class ProgramPieces:
    """What is run.

    Attributes:
        own: Pieces of the user's, which must go through.
        pieces: Pieces of the text, after them.
        test: Another piece of the user's, run in a process of its own; None: there is none.
    """

    own: tuple[str, ...]
    pieces: tuple[str, ...]
    test: str | None = None

    @property
    def after_own(self) -> tuple[str, ...]:
        """The pieces, and the test after them."""
        return self.pieces if self.test is None else (*self.pieces, self.test)

    def job(self, limits: Limits | None) -> Job:
        """Return what a sandbox is to run."""
        from potentials.sandbox import Job

        setup = None if self.test is None else len(self.own)
        return Job((*self.own, *self.after_own), limits=limits, setup=setup)


@dataclass(frozen=True)
class ProgramResult:
    """What became of a program.

    Attributes:
        outcome: How it ended.
        piece: Index in `pieces` of the piece it ended in; their number if all went through.
        error: Type of the exception; "" if there was none.
    """

    outcome: Outcome
    piece: int
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether all pieces went through."""
        return self.outcome == "ok"


class Runner:
    """Runs programs and remembers what became of them.

    A program is not run if one that it begins with has failed: so no verdict is ever taken back,
    even where programs draw random numbers or their time is short.

    Args:
        name: Of the potential, for messages.
        sandbox: Where programs run; None: one of the runner's own, made when it is first needed and
            closed with the runner.
        limits: Of a run; None: those of the sandbox.
    """

    def __init__(self, name: str, sandbox: Sandbox | None, limits: Limits | None) -> None:
        self.name, self.limits = name, limits
        self._sandbox = sandbox
        self._memo: LRUCache[bytes, ProgramResult] = LRUCache(_MEMO_ENTRIES)
        self._lock = threading.Lock()

    @property
    def sandbox(self) -> Sandbox:
        """Where programs run."""
        from potentials.sandbox import Sandbox

        with self._lock:
            if self._sandbox is None:
                self._sandbox = Sandbox(limits=self.limits)
                weakref.finalize(self, self._sandbox.close)
            return self._sandbox

    def run(self, programs: Sequence[ProgramPieces]) -> list[ProgramResult]:
        """Run programs, in parallel as far as the sandbox allows.

        Raises:
            PotentialError: The user's own pieces failed.
            SandboxError: The sandbox is broken.
        """
        fresh: dict[ProgramPieces, None] = {}
        known: dict[ProgramPieces, ProgramResult] = {}
        for program in dict.fromkeys(programs):
            verdict = self._recall(program)
            if verdict is not None:
                known[program] = verdict
            elif program.own or program.after_own:
                fresh[program] = None
            else:
                known[program] = _nothing()
        if fresh:
            jobs = [p.job(self.limits) for p in fresh]
            for program, result in zip(fresh, self.sandbox.run_many(jobs), strict=True):
                known[program] = self._judge(program, result)
        return [known[program] for program in programs]

    def _judge(self, program: ProgramPieces, result: RunResult) -> ProgramResult:
        own = len(program.own)
        if not result.ok and result.piece < own:
            raise PotentialError(
                f"{self.name}: its own code {program.own[result.piece][:_SHOWN]!r} ended with "
                f"{result.outcome}: {result.error} {result.message[:_SHOWN]}; expected code that "
                "runs before any text is there. Are its imports installed in the sandbox's "
                "interpreter, and the limits wide enough?"
            )
        piece = min(result.piece - own, len(program.after_own))
        verdict = ProgramResult(result.outcome, piece, result.error)
        *_, (_, key) = _keys(program, piece + 1)
        with self._lock:
            self._memo[key] = verdict
        return verdict

    def _recall(self, program: ProgramPieces) -> ProgramResult | None:
        """Return what is known: of the whole program, or of a beginning that failed."""
        with self._lock:
            for count, key in _keys(program, len(program.after_own)):
                verdict = self._memo.get(key)
                if verdict is not None and (not verdict.ok or count == len(program.after_own)):
                    return verdict
        return None


def pieces_of(text: str, *, whole: bool) -> tuple[str, ...]:
    """Return the statements of a program that may be run: the finished ones, or all.

    One that is Python by itself, but not where it stands (a `global` after the name was used, an
    import from `__future__` that comes late), fails before it runs, as it does in a module.
    """
    statements = split_statements(text, whole=whole)
    pieces, ends = statements.finished, statements.ends
    if not ends or len(text) > MAX_SIZE or compiles(text[: ends[-1]]):
        return pieces
    wrong = next((k for k, end in enumerate(ends) if not compiles(text[:end])), len(ends))
    # The interpreter that runs the program has the last word.
    return tuple(
        f"compile({text[:end]!r}, '<text>', 'exec')\n{piece}"
        if k == wrong and compiles(piece)
        else piece
        for k, (piece, end) in enumerate(zip(pieces, ends, strict=True))
    )


def _nothing() -> ProgramResult:
    from potentials.sandbox import Outcome

    return ProgramResult(Outcome.OK, 0)


def _keys(program: ProgramPieces, most: int) -> Iterator[tuple[int, bytes]]:
    """Yield (k, a name for the program with its first k pieces), for k up to `most`."""
    digest = hashlib.blake2b(digest_size=20)
    for piece in program.own:
        _take(digest, piece)
    _take(digest, "\0")
    yield 0, digest.digest()
    for count, piece in enumerate(program.after_own[:most], 1):
        if count > len(program.pieces):
            # The same text as a part of the program is not the same.
            _take(digest, "\0")
        _take(digest, piece)
        yield count, digest.digest()


def _take(digest: hashlib.blake2b, piece: str) -> None:
    raw = piece.encode("utf-8", "surrogatepass")
    digest.update(b"%d:" % len(raw))
    digest.update(raw)
