"""Writing that leaves whole lines behind, and disk errors told as what a user can act on."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from io import RawIOBase
from pathlib import Path

from smc.errors import SettingsError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_ITS_PLACE = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}
_BLOCK = 2**16


@contextmanager
def explained_disk(path: Path, argument: str) -> Iterator[None]:
    """Turn an error of the disk into one that says what to do about it.

    Args:
        path: What is read or written.
        argument: Of the command line, that led there.

    Raises:
        SettingsError: In the place of an `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise SettingsError(
            f"{argument}: {path}: {error.strerror or error}; {_remedy(error)}"
        ) from error


def append_whole(path: Path, data: bytes) -> None:
    """Add lines to a file, made if need be, and bring them to disk: all of them, or none.

    A torn line at its end, of a process that was killed while it wrote, is cut off first.

    Raises:
        OSError: The disk refuses; the file's whole lines are as they were.
    """
    created = not path.exists()
    with open(path, "a+b", buffering=0) as file:
        size = _whole(file)
        handle = file.fileno()
        os.ftruncate(handle, size)
        try:
            while data:
                data = data[os.write(handle, data) :]
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
    if created:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Bring to disk which files a folder has."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _whole(file: RawIOBase) -> int:
    """Return the bytes up to the end of the last whole line."""
    end = file.seek(0, os.SEEK_END)
    while end:
        begin = max(0, end - _BLOCK)
        newline = os.pread(file.fileno(), end - begin, begin).rfind(b"\n")
        if newline >= 0:
            return begin + newline + 1
        end = begin
    return 0


def _remedy(error: OSError) -> str:
    if error.errno in _FULL:
        return (
            "expected room on the disk. What was stored before is whole; make room, and the same "
            "command goes on from there."
        )
    if error.errno in _FORBIDDEN:
        return "expected files that may be read and written. Allow it, or give another folder."
    if error.errno in _IN_ITS_PLACE:
        return (
            "expected a folder where a file stands, or a file where a folder does. Move it, or "
            "give another folder."
        )
    return (
        "expected a disk that works. What was stored before is whole; the same command goes on "
        "from there."
    )
