"""The root file system that a program sees: the interpreter, read-only, and one folder."""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct

from . import kernel
from .readable_paths import DEVICES

FOLDER = "/box/run"
USERS = "/etc/passwd"
"""Of our own making: the machine's is not seen."""

_READ_ONLY, _NO_SUID, _NO_DEV, _NO_EXEC, _REMOUNT = 1, 2, 4, 8, 32
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_DETACH = 2
_PASSWD = b"box:x:1000:1000:box:/box/run:/bin/false\n"


def _mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    texts = [ctypes.create_string_buffer(os.fsencode(t)) for t in (source, target, kind, options)]
    places = [ctypes.addressof(t) for t in texts]
    try:
        kernel.call("mount", places[0], places[1], places[2], flags, places[3])
    except OSError as error:
        raise OSError(
            error.errno, f"mount {kind or source} at {target}: {error.strerror}"
        ) from None


def unmount(target: str) -> None:
    """Take a file system away at once, whoever still holds parts of it."""
    name = ctypes.create_string_buffer(os.fsencode(target))
    kernel.call("umount2", ctypes.addressof(name), _DETACH)


def enter(base: str, paths: list[str]) -> int:
    """Make the new root at `base`, and go there; needs a mount namespace of its own.

    Args:
        base: An empty folder.
        paths: What is to be seen, read-only.

    Returns:
        A descriptor of `/proc` of the own namespace of processes, which has no path; -1 where it
        cannot be mounted.

    Raises:
        OSError: A mount was refused.
    """
    _mount("none", "/", "", _PRIVATE | _RECURSIVE)
    _mount("tmpfs", base, "tmpfs", _NO_SUID | _NO_DEV, "size=4m,nr_inodes=4096,mode=755")
    for path in paths:
        _show(base, path)
    for path in DEVICES:
        if os.path.exists(path):
            _show(base, path, device=True)
    for name in (FOLDER, "/etc", "/proc"):
        os.makedirs(base + name, exist_ok=True)
    with open(base + USERS, "wb") as file:
        file.write(_PASSWD)
    if not os.path.lexists(base + "/tmp"):
        os.symlink(FOLDER, base + "/tmp")
    proc = _proc(base + "/proc")
    os.chdir(base)
    here = ctypes.create_string_buffer(b".")
    kernel.call("pivot_root", ctypes.addressof(here), ctypes.addressof(here))
    unmount(".")
    os.chdir("/")
    _mount("none", "/", "", _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEV)
    return proc


def _show(base: str, path: str, device: bool = False) -> None:
    target = base + path
    os.makedirs(os.path.dirname(target), exist_ok=True)
    if os.path.islink(path):
        if not os.path.lexists(target):
            os.symlink(os.readlink(path), target)
        real = os.path.realpath(path)
        if not os.path.lexists(base + real):
            _show(base, real)
        return
    if os.path.isdir(path):
        os.makedirs(target, exist_ok=True)
    elif os.path.lexists(target):
        # A link has shown it before, or the folder that it lies in; it may be running.
        return
    else:
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
    _mount(path, target, "", _BIND | (0 if device else _RECURSIVE))
    _make_read_only(target, device)


def _make_read_only(target: str, device: bool) -> None:
    # MOUNT_ATTR_RDONLY | NOSUID | NODEV; AT_FDCWD, AT_RECURSIVE.
    bits = 2 if device else 1 | 2 | 4
    name = ctypes.create_string_buffer(os.fsencode(target))
    wanted = ctypes.create_string_buffer(struct.pack("QQQQ", bits, 0, 0, 0), 32)
    try:
        kernel.call(
            "mount_setattr", -100, ctypes.addressof(name), 0x8000, ctypes.addressof(wanted), 32
        )
    except OSError as error:
        if error.errno != 38:
            raise
        # A kernel before 5.12. What the mount had must be repeated.
        kept = os.statvfs(target).f_flag & (_NO_SUID | _NO_DEV | _NO_EXEC | 1024 | 2048)
        _mount("none", target, "", _REMOUNT | _BIND | kept | bits)


def _proc(target: str) -> int:
    try:
        _mount("proc", target, "proc", _NO_SUID | _NO_DEV | _NO_EXEC)
    except OSError:
        return -1
    try:
        return os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        unmount(target)


def fresh_folder(size: int, inodes: int, user: int, group: int) -> None:
    """Put an empty folder of so many bytes and files in place of what there was, mounted or not."""
    with contextlib.suppress(OSError):
        unmount(FOLDER)
    options = f"size={size},nr_inodes={inodes},mode=700,uid={user},gid={group}"
    _mount("tmpfs", FOLDER, "tmpfs", _NO_SUID | _NO_DEV, options)
