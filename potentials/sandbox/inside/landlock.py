"""Landlock rules: which files a program may touch, without any rights of ours."""

from __future__ import annotations

import ctypes
import os
import struct

from . import kernel

_EXECUTE, _WRITE, _READ, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_CHAR, _MAKE_DIR, _MAKE_REG = 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8
_MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = 1 << 9, 1 << 10, 1 << 11, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

_OF_FILES = _EXECUTE | _WRITE | _READ | _TRUNCATE | _IOCTL_DEV
_LOOK = _READ | _READ_DIR | _EXECUTE
_OWN = (
    _WRITE | _READ | _READ_DIR | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_FIFO
) | (_MAKE_SYM | _REFER | _TRUNCATE)
_DEVICE = _READ | _WRITE

_NET_BIND, _NET_CONNECT = 1, 2
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1, 2


def version() -> int:
    """Return the kernel's Landlock version; 0 if it has none."""
    try:
        return kernel.call("landlock_create_ruleset", 0, 0, 1)
    except OSError:
        return 0


def scopes_signals() -> bool:
    """Whether signals can be kept within a program."""
    return version() >= 6


def rules(readable: list[str], devices: list[str], folder: str) -> int:
    """Return a descriptor of the rules: read and execute these, write devices and the folder.

    Raises:
        OSError: The kernel has no Landlock.
    """
    newest = version()
    if newest < 1:
        raise OSError(38, "the kernel has no Landlock")
    files = (1 << 13) - 1
    files |= _REFER if newest >= 2 else 0
    files |= _TRUNCATE if newest >= 3 else 0
    files |= _IOCTL_DEV if newest >= 5 else 0
    net = _NET_BIND | _NET_CONNECT if newest >= 4 else 0
    scope = _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if newest >= 6 else 0
    attributes = struct.pack("QQQ", files, net, scope)
    # Older kernels take a shorter structure.
    size = 24 if newest >= 6 else 16 if newest >= 4 else 8
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    ruleset = kernel.call("landlock_create_ruleset", ctypes.addressof(buffer), size, 0)
    for path in readable:
        _allow(ruleset, path, _LOOK & files)
    for path in devices:
        _allow(ruleset, path, _DEVICE & files)
    _allow(ruleset, folder, _OWN & files)
    return ruleset


def _allow(ruleset: int, path: str, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not os.path.isdir(path):
            access &= _OF_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", access, place), 12)
        kernel.call("landlock_add_rule", ruleset, 1, ctypes.addressof(rule), 0)
    finally:
        os.close(place)


def restrict(ruleset: int) -> None:
    """Put the rules on this process for good; needs `no_new_privileges` before."""
    kernel.call("landlock_restrict_self", ruleset, 0)
