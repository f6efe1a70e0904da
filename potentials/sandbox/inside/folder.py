"""The working folder of a run: empty, or with the job's files, whatever a run did to it before."""

from __future__ import annotations

import os
import stat
import time
from typing import Any

from . import view

_TRIES, _TRY_SECONDS = 20, 0.02


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

    def _empty(self) -> None:
        if self._mounted:
            view.fresh_folder(self._size, self._user, self._group)
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
    """
    os.chmod(path, 0o700)
    # Folders are emptied from within, so that no path grows too long; a deep one is moved up.
    top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        count = 0
        while True:
            names = os.listdir(top)
            if not names:
                break
            for name in names:
                about = os.stat(name, dir_fd=top, follow_symlinks=False)
                if not stat.S_ISDIR(about.st_mode):
                    os.unlink(name, dir_fd=top)
                    continue
                os.chmod(name, 0o700, dir_fd=top)
                inner = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=top)
                try:
                    for child in os.listdir(inner):
                        count += 1
                        _lift(child, inner, top, f".lifted-{count}")
                finally:
                    os.close(inner)
                os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    if not keep:
        os.rmdir(path)


def _lift(child: str, inner: int, top: int, name: str) -> None:
    about = os.stat(child, dir_fd=inner, follow_symlinks=False)
    if not stat.S_ISDIR(about.st_mode):
        os.unlink(child, dir_fd=inner)
        return
    # Moving a folder writes its "..", which needs the right to write in it.
    os.chmod(child, 0o700, dir_fd=inner)
    os.rename(child, name, src_dir_fd=inner, dst_dir_fd=top)
