"""The working folder of a run: empty, or with the job's files, whatever a run did to it before."""

from __future__ import annotations

import errno
import os
import stat
import time
from typing import Any

from . import view

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_TRIES, _TRY_SECONDS = 20, 0.02
MOST_MOUNTED = 16_384
"""Files and folders that a program may make in a file system of its own."""
MOST_ENTRIES = 4_096
"""And in a folder like others, which must be emptied one by one, and is looked at now and then."""


class Folder:
    """The one place where the programs of a container may write, one after the other.

    Args:
        path: Where it is.
        user: Whose it is.
        group: Whose it is.
        mounted: Whether a file system of its own is put there; else it is a folder like others.
    """

    def __init__(self, path: str, user: int, group: int, mounted: bool) -> None:
        self.path = path
        self._user, self._group = user, group
        self._mounted = mounted
        self._size = 0
        self._wanted: Any = None
        self._known: Any = None

    def prepare(self, files: tuple[tuple[str, bytes], ...], size: int) -> None:
        """Leave exactly these files in the folder."""
        if self._wanted == (files, size) and self.unchanged():
            return
        self._size = size
        self._empty()
        for name, content in files:
            self._write(name, content)
        self._wanted = files, size
        self._known = self._look()

    def unchanged(self) -> bool:
        """Whether the last run left the folder as it found it."""
        return self._known is not None and self._look() == self._known

    def overfull(self) -> bool:
        """Whether more files and folders are in it than may be; where it is mounted none can be."""
        return not self._mounted and count_entries(self.path, MOST_ENTRIES) > MOST_ENTRIES

    def _empty(self) -> None:
        if self._mounted:
            view.fresh_folder(self._size, MOST_MOUNTED, self._user, self._group)
            return
        # The folder stays the same one, because a rule of Landlock's hangs on it.
        if os.path.isdir(self.path) and not os.path.islink(self.path):
            remove_tree(self.path, keep=True)
        else:
            if os.path.lexists(self.path):
                os.unlink(self.path)
            os.mkdir(self.path, 0o700)
        self._give(self.path)

    def _write(self, name: str, content: bytes) -> None:
        path = os.path.join(self.path, name)
        parent = self.path
        for part in name.split("/")[:-1]:
            parent = os.path.join(parent, part)
            if not os.path.isdir(parent):
                os.mkdir(parent, 0o700)
                self._give(parent)
        with open(path, "xb") as file:
            file.write(content)
        self._give(path)

    def _give(self, path: str) -> None:
        if (self._user, self._group) != (os.geteuid(), os.getegid()):
            os.chown(path, self._user, self._group)

    def _look(self) -> Any:
        """What tells whether anything was changed; None if that is not to be told."""
        entries_seen = []
        todo = [self.path]
        while todo:
            here = todo.pop()
            try:
                about = os.lstat(here)
                entries_seen.append((here, about.st_mode, about.st_uid))
                with os.scandir(here) as entries:
                    for entry in entries:
                        about = entry.stat(follow_symlinks=False)
                        if stat.S_ISDIR(about.st_mode):
                            todo.append(entry.path)
                        else:
                            times = about.st_mtime_ns, about.st_ctime_ns
                            entries_seen.append((entry.path, about.st_ino, about.st_size, *times))
            except OSError:
                return None
            if len(entries_seen) > 1000:
                return None
        return sorted(entries_seen)


def count_entries(path: str, most: int) -> int:
    """Return how many entries a folder has, those of its folders included, up to about `most`.

    However deep they are; no link is followed. Where it is changed meanwhile some may be missed.
    """
    try:
        here = os.open(path, _FOLDER)
    except OSError:
        return 0
    count = 0
    try:
        # The folders still to be looked into, of this one and of those above it.
        todo: list[list[str]] = []
        while count <= most:
            entries, folders = _folders(here)
            count += entries
            todo.append(folders)
            while todo and not todo[-1]:
                todo.pop()
                here = _step(here, "..", _FOLDER) if todo else here
            if not todo:
                break
            here = _step(here, todo[-1].pop(), _FOLDER)
    except OSError:
        pass
    finally:
        os.close(here)
    return count


def _folders(place: int) -> tuple[int, list[str]]:
    """Return how many entries a folder has, and the names of those that are folders."""
    count, names = 0, []
    with os.scandir(place) as entries:
        for entry in entries:
            count += 1
            if entry.is_dir(follow_symlinks=False):
                names.append(entry.name)
    return count, names


def remove_for_good(path: str) -> None:
    """Remove a folder as `remove_tree` does, or leave it if that cannot be done.

    It is tried again for a while: those that are being ended may still write.
    """
    for _ in range(_TRIES):
        try:
            remove_tree(path)
        except FileNotFoundError:
            if not os.path.lexists(path):
                return
        except OSError:
            pass
        else:
            return
        time.sleep(_TRY_SECONDS)


def remove_tree(path: str, keep: bool = False) -> None:
    """Remove a folder with all in it, however deep, whatever its permissions; follows no link.

    Args:
        path: The folder.
        keep: Whether to leave the folder itself, empty.

    Raises:
        OSError: Something cannot be removed, or is moved about meanwhile.
    """
    os.chmod(path, 0o700)
    here = os.open(path, _FOLDER)
    try:
        # From within, so that no path grows too long: each folder with its name, what it is, and
        # the folders in it that are to go.
        way = [("", _identity(here), _remove_files(here))]
        while True:
            name, _, folders = way[-1]
            if folders:
                inner = folders.pop()
                os.chmod(inner, 0o700, dir_fd=here)
                here = _step(here, inner, _FOLDER)
                way.append((inner, _identity(here), _remove_files(here)))
                continue
            way.pop()
            if not way:
                break
            here = _step(here, "..", _FOLDER)
            if _identity(here) != way[-1][1]:
                raise OSError(errno.ESTALE, "a folder was moved while it was removed")
            os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)
    if not keep:
        os.rmdir(path)


def _step(here: int, name: str, flags: int) -> int:
    there = os.open(name, flags, dir_fd=here)
    os.close(here)
    return there


def _identity(place: int) -> tuple[int, int]:
    about = os.fstat(place)
    return about.st_dev, about.st_ino


def _remove_files(place: int) -> list[str]:
    """Remove what is no folder; return the names of the folders."""
    with os.scandir(place) as entries:
        kinds = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_folder in kinds:
        if not is_folder:
            os.unlink(name, dir_fd=place)
    return [name for name, is_folder in kinds if is_folder]
