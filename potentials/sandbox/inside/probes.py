"""Probes: what is tried, rather than believed, before any program runs."""

from __future__ import annotations

import errno
import os

from .rights import Rights, give_up

_LIMITS = {
    "cpu_seconds": 2.0,
    "memory_bytes": 1 << 30,
    "file_bytes": 1 << 20,
    "open_files": 64,
    "processes": 0,
}
_LIMITED = 0
_NOT_LIMITED = 1


def forks_are_limited(rights: Rights) -> bool:
    """Whether a process that has given up these rights is refused a child beyond its limit.

    The kernel counts processes for each user and lets root have as many as it likes, be it under
    another name in a user namespace; some kernels do not count at all.
    """
    pid = os.fork()
    if pid == 0:
        code = _NOT_LIMITED
        try:
            give_up(rights, _LIMITS, 0)
            if os.fork() == 0:
                os._exit(0)
        except OSError as error:
            code = _LIMITED if error.errno == errno.EAGAIN else _NOT_LIMITED
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1] == 0
