"""Jobs of a sandbox with their limits, and the results of their runs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from smc.errors import SettingsError

_MIB = 1 << 20
_LONGEST = 255
"""Bytes of the name of a file."""


@dataclass(frozen=True)
class Limits:
    """What one run may use.

    Attributes:
        wall_seconds: Time; with a reused beginning that of the new pieces alone.
        cpu_seconds: Processor time of each process.
        memory_bytes: Memory besides what the imports take, for each process (as address space), and
            for all of them together.
        processes: Processes and threads, the program itself included.
        open_files: Open files of each process.
        file_bytes: Size of a file, and of the folder where that can be limited.
        output_bytes: Standard output and error together; also the value of `Job.result` as JSON.

    Raises:
        SettingsError: A limit is out of its range.
    """

    wall_seconds: float = 5.0
    cpu_seconds: float = 5.0
    memory_bytes: int = 1024 * _MIB
    processes: int = 16
    open_files: int = 64
    file_bytes: int = 16 * _MIB
    output_bytes: int = _MIB

    def __post_init__(self) -> None:
        for name in ("wall_seconds", "cpu_seconds"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise SettingsError(f"Limits: {name} is {value}; expected seconds above 0.")
        least = {
            "memory_bytes": _MIB,
            "processes": 1,
            "open_files": 8,
            "file_bytes": 4096,
            "output_bytes": 1,
        }
        for name, bound in least.items():
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, int)
                or not bound <= value < 1 << 50
            ):
                raise SettingsError(
                    f"Limits: {name} is {value!r}; expected a whole number, at least {bound}."
                )


class Outcome(StrEnum):
    """How a run ended."""

    OK = "ok"
    ERROR = "error"
    """A Python exception."""
    TIMEOUT = "timeout"
    """Wall or processor time ran out."""
    MEMORY = "memory"
    OUTPUT = "output"
    """More was written than allowed."""
    KILLED = "killed"
    """It ended without having been through: a signal, `os._exit`, a word in the harness's place."""
    EXITED = "exited"
    """`SystemExit`."""


@dataclass(frozen=True)
class Job:
    """A program to be run.

    Attributes:
        pieces: Source texts, run in order in one namespace, that of `__main__`.
        files: Names, relative to the program's folder, and contents.
        result: An expression evaluated at the end, whose value comes back; it must be what JSON
            has: numbers, texts, lists, dicts, True, False, None.
        limits: In place of the sandbox's.
        reuse: Whether processes that ran the beginning of this program may be reused, and kept.
        setup: If it is given, the last piece is a test of those before it, of which so many are its
            setup. The test runs in a process of its own, after the setup; what the others define
            it reaches by calls that cross as plain data, so that its end is not theirs to choose.
            See `potentials.sandbox.inside.examination`.

    Raises:
        SettingsError: There are no pieces, the name of a file leads out of the folder, or `setup`
            is out of its range.
    """

    pieces: tuple[str, ...]
    files: tuple[tuple[str, bytes], ...] = ()
    result: str | None = None
    limits: Limits | None = None
    reuse: bool = True
    setup: int | None = None

    def __post_init__(self) -> None:
        if isinstance(self.pieces, str) or not self.pieces:
            raise SettingsError(
                f"Job: pieces is {self.pieces!r}; expected a tuple of at least one source text."
            )
        for piece in self.pieces:
            if not isinstance(piece, str):
                raise SettingsError(f"Job: a piece is {piece!r}; expected a source text.")
        if self.setup is not None and (
            self.result is not None or not 0 <= self.setup < len(self.pieces)
        ):
            raise SettingsError(
                f"Job: setup is {self.setup} of {len(self.pieces)} pieces, with the result "
                f"{self.result!r}; expected fewer than all of the pieces, and no result: the last "
                "piece is a test, which passes or fails."
            )
        names = [name for name, _ in self.files]
        for name in names:
            parts = PurePosixPath(name).parts
            if (
                not parts
                or name != "/".join(parts)
                or {"..", ".", "/"} & set(parts)
                or "\0" in name
                or any(len(part.encode("utf-8", "replace")) > _LONGEST for part in parts)
                or not _is_text(name)
            ):
                raise SettingsError(
                    f"Job: a file is called {name!r}; expected a name relative to the program's "
                    "folder, as data/table.csv."
                )
        if len(set(names)) < len(names):
            raise SettingsError(f"Job: two files have the same name, in {names}.")
        folders = {str(parent) for name in names for parent in PurePosixPath(name).parents}
        if both := folders & set(names):
            raise SettingsError(f"Job: {sorted(both)} are files and folders at once, in {names}.")


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True)
class RunResult:
    """What became of a job.

    Attributes:
        outcome: How it ended.
        piece: Index of the piece it ended in; the number of pieces if all went through.
        error: Type of the exception; empty if there was none.
        message: What it said, shortened; or why the run was ended.
        line: Line in that piece where the exception came from, from 1, if it is known.
        stdout: What the program printed, that of reused pieces included.
        stderr: Likewise.
        seconds: Time taken, that of reused pieces left out.
        value: Of `Job.result`; None if there was none.
        reused: Number of pieces that were not run again.
    """

    outcome: Outcome
    piece: int
    error: str = ""
    message: str = ""
    line: int | None = None
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    value: Any = None
    reused: int = 0

    @property
    def ok(self) -> bool:
        """Whether all pieces went through."""
        return self.outcome is Outcome.OK
