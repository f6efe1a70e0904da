"""The seccomp filter: which system calls a program may not make, as a BPF program."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from . import kernel
from .system_calls import BY_ARGUMENT, DENIED, GROUPS, OF_ITSELF, SIGNALS

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _EQUAL, _ABOVE, _HAS_BITS, _AND, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x54, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_NEWEST = 462
"""What came after these numbers does not exist for a program; its C library falls back."""

_CLONE_NEW = 0x7E020080
_X32 = 0x40000000

_AF_UNIX = 1
_STREAMS = (1, 5)
"""SOCK_STREAM and SOCK_SEQPACKET: a message on one of them goes to its other end, whatever address
it names. One on a SOCK_DGRAM goes where it says, in memory that a filter does not see."""
_KIND_OF_SOCKET = 0xF

# PR_SET_MM, PR_SET_CHILD_SUBREAPER, PR_SET_PTRACER, PR_SET_PDEATHSIG stays.
_DENIED_PRCTL = (35, 36, 0x59616D61)
# Putting words into a terminal's mouth: TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS; and FIOSETOWN and
# SIOCSPGRP, see below.
_DENIED_IOCTL = (0x5412, 0x541C, 0x5423, 0x541D, 0x8901, 0x8902)
# F_SETOWN, F_SETSIG, F_SETOWN_EX: a file sends whom they name any signal, past the calls for that.
# F_SETPIPE_SZ: memory of the kernel's that is under no limit.
_DENIED_FCNTL = (8, 10, 15, 1031)
# SO_SNDBUF, SO_RCVBUF, and the two that go past the machine's bounds; likewise.
_DENIED_SOCKET_OPTIONS = (7, 8, 32, 33)


def _step(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
    return struct.pack("HBBI", code, yes, no, value & 0xFFFFFFFF)


_DENY = _step(_RETURN, _ERRNO | errno.EPERM)
_MISSING = _step(_RETURN, _ERRNO | errno.ENOSYS)
_KILLED = _step(_RETURN, _KILL)
_PASS = _step(_RETURN, _ALLOW)


def _low(argument: int) -> bytes:
    """Load the lower half of an argument; both machines are little-endian."""
    return _step(_LOAD, _ARGUMENTS + 8 * argument)


def program(signals: bool = True, groups: bool = True) -> bytes:
    """Return the filter.

    Args:
        signals: Whether signals may be sent, because namespaces or Landlock keep all processes but
            the program's out of reach.
        groups: Whether process groups may be left, because no group is needed to end them all.
    """
    column = list(_ARCHITECTURE).index(kernel.MACHINE)
    steps = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, _ARCHITECTURE[kernel.MACHINE], 1, 0),
        _KILLED,
        _step(_LOAD, _NUMBER),
    ]
    if kernel.MACHINE == "x86_64":
        steps += [_step(_HAS_BITS, _X32, 0, 1), _KILLED]
    steps += [_step(_ABOVE, _NEWEST, 0, 1), _MISSING]
    for numbers in DENIED.values():
        if numbers[column] >= 0:
            steps += _block(numbers[column], [_DENY])
    for numbers in OF_ITSELF.values():
        steps += _block(numbers[column], _only(0, 0))
    for name, then in _by_argument().items():
        steps += _block(BY_ARGUMENT[name][column], then)
    for numbers in () if signals else SIGNALS.values():
        steps += _block(numbers[column], [_DENY])
    for numbers in () if groups else GROUPS.values():
        steps += _block(numbers[column], [_DENY])
    steps.append(_PASS)
    return b"".join(steps)


def _by_argument() -> dict[str, list[bytes]]:
    """Return for each call that may be made with some arguments what to do."""
    return {
        "clone3": [_MISSING],
        "clone": [_low(0), _step(_HAS_BITS, _CLONE_NEW, 0, 1), _DENY, _PASS],
        "prctl": _any_of(0, _DENIED_PRCTL),
        "ioctl": _any_of(1, _DENIED_IOCTL),
        "fcntl": _any_of(1, _DENIED_FCNTL),
        # PRIO_PROCESS is 0, and so is oneself.
        "setpriority": [_low(0), _step(_EQUAL, 0, 1, 0), _DENY, *_only(1, 0)],
        "socketpair": _pair_of_streams(),
        "setsockopt": _any_of(2, _DENIED_SOCKET_OPTIONS),
    }


def _block(number: int, then: list[bytes]) -> list[bytes]:
    """For one system call; `then` must return."""
    return [_step(_EQUAL, number, 0, len(then)), *then]


def _only(argument: int, value: int) -> list[bytes]:
    return [_low(argument), _step(_EQUAL, value, 1, 0), _DENY, _PASS]


def _pair_of_streams() -> list[bytes]:
    steps = [_low(0), _step(_EQUAL, _AF_UNIX, 1, 0), _DENY, _low(1), _step(_AND, _KIND_OF_SOCKET)]
    for kind in _STREAMS:
        steps += [_step(_EQUAL, kind, 0, 1), _PASS]
    return [*steps, _DENY]


def _any_of(argument: int, values: tuple[int, ...]) -> list[bytes]:
    steps = [_low(argument)]
    for value in values:
        steps += [_step(_EQUAL, value, 0, 1), _DENY]
    return [*steps, _PASS]


def install(filter_: bytes) -> None:
    """Put the filter on this process for good; needs `no_new_privileges` before.

    Raises:
        OSError: The kernel takes no filters.
    """
    buffer = ctypes.create_string_buffer(filter_, len(filter_))
    head = struct.pack("HxxxxxxQ", len(filter_) // 8, ctypes.addressof(buffer))
    # SECCOMP_SET_MODE_FILTER is 1.
    call = ctypes.create_string_buffer(head, len(head))
    kernel.call("seccomp", 1, 0, ctypes.addressof(call))


def probe() -> None:
    """Try the filter in a process made for that.

    Raises:
        OSError: The kernel takes no filters.
        ValueError: The system calls of this machine are not known here.
    """
    filter_ = program()
    pid = os.fork()
    if pid == 0:
        try:
            kernel.no_new_privileges()
            install(filter_)
        except OSError as error:
            os._exit(error.errno or 1)
        os._exit(0)
    code = os.WEXITSTATUS(os.waitpid(pid, 0)[1])
    if code:
        raise OSError(code, f"seccomp: {os.strerror(code)}")
