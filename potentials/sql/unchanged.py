"""Database files that must not change: what identifies one, and what says that it is not settled.

SQLite reads a file that is declared immutable without its write-ahead log or its journal. So where
there is one, what it would read is not what the database holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_UNSETTLED = {"-wal": "write-ahead log", "-journal": "rollback journal"}


@dataclass(frozen=True)
class FileState:
    """What changes when a file is written to or replaced."""

    device: int
    inode: int
    size: int
    modified_ns: int


def file_state(path: Path) -> FileState:
    """Return the state of a file.

    Raises:
        OSError: It is not there.
    """
    stat = path.stat()
    return FileState(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns)


def unsettled(path: Path) -> str:
    """Return what of a database is not in its file yet, as `write-ahead log 'a.db-wal'`; or ""."""
    for suffix, name in _UNSETTLED.items():
        beside = path.with_name(path.name + suffix)
        try:
            if beside.stat().st_size > 0:
                return f"{name} {str(beside)!r}"
        except OSError:
            continue
    return ""
