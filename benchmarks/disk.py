"""Disk errors, told as what a user can act on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smc.errors import SettingsError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}
_IN_ITS_PLACE = {errno.EEXIST, errno.ENOTDIR, errno.EISDIR}


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
