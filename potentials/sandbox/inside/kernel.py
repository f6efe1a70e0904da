"""System calls that Python does not offer, by their numbers."""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import signal

from .system_calls import NEEDED

MACHINE = platform.machine()
_COLUMN = {"x86_64": 0, "aarch64": 1}.get(MACHINE)

CLONE_PARENT = 0x00008000
NEW_USER = 0x10000000
NEW_PID = 0x20000000
NEW_NET = 0x40000000
NEW_IPC = 0x08000000
NEW_UTS = 0x04000000
NEW_MOUNT = 0x00020000

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_KEEPCAPS, _PR_CAPBSET_DROP = 1, 4, 8, 24
_PR_SET_SECUREBITS, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 28, 36, 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 2, 4

READ_SEARCH = 2
"""The capability to read files and search folders whoever owns them."""

_libc = ctypes.CDLL(None, use_errno=True)
_syscall = _libc.syscall
_syscall.restype = ctypes.c_long

KNOWN = _COLUMN is not None
"""Whether this machine's system calls are known here."""


def call(name: str, *arguments: int | bytes | None) -> int:
    """Make a system call.

    Raises:
        OSError: It failed, or its number on this machine is not known.
    """
    if _COLUMN is None:
        raise OSError(38, f"{name}: no numbers for {MACHINE}")
    given = [a if isinstance(a, bytes) else ctypes.c_long(a or 0) for a in arguments]
    returned = _syscall(ctypes.c_long(NEEDED[name][_COLUMN]), *given)
    if returned < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return returned


def copy_process(sibling: bool = False) -> int:
    """Fork without a trace: no hook runs, and the interpreter notices nothing.

    `os.fork` would run hooks, which draw a new random seed, say; the copy is to go on as the
    original would. Right only while the process has one thread.

    Args:
        sibling: The copy's parent is the caller's parent, who can then wait for it.

    Returns:
        0 in the copy, its process id in the caller.
    """
    flags = int(signal.SIGCHLD) | (CLONE_PARENT if sibling else 0)
    return call("clone", flags, 0, 0, 0, 0)


def _prctl(option: int, value: int = 0, further: int = 0) -> None:
    rest = [ctypes.c_ulong(v) for v in (value, further, 0, 0)]
    if _libc.prctl(option, *rest) < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"prctl({option}): {os.strerror(code)}")


def no_new_privileges() -> None:
    """Let no program that is executed from here gain rights."""
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def set_dumpable(dumpable: bool) -> None:
    """Say whether processes of the same user may look into this one."""
    _prctl(_PR_SET_DUMPABLE, int(dumpable))


def adopt_orphans() -> None:
    """Become the parent of all descendants whose parent dies."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent() -> None:
    """Be killed when the parent dies."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))


def keep_capabilities() -> None:
    """Keep, for `drop_capabilities` to choose from, what becoming another user would take."""
    _prctl(_PR_SET_KEEPCAPS, 1)


def drop_capabilities(keep: int | None = None) -> None:
    """Give up every capability but one for good; those that cannot be had again go first.

    Args:
        keep: The one to keep, for this process and what it executes; None: none.
    """
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            break
    with contextlib.suppress(OSError):
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    kept = 0 if keep is None else 1 << keep
    data = (ctypes.c_uint32 * 6)(kept, kept, kept)
    call("capset", ctypes.addressof(header), ctypes.addressof(data))
    if keep is not None:
        _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, keep)


def scrub_environment() -> None:
    """Overwrite the environment that this process was started with, where it can still be read."""
    block = ctypes.POINTER(ctypes.c_char_p).in_dll(_libc, "environ")
    index = 0
    while block and block[index] is not None:
        address = ctypes.cast(block, ctypes.POINTER(ctypes.c_void_p))[index]
        ctypes.memset(address, 0, len(block[index]))
        index += 1
    os.environ.clear()
