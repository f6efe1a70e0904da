"""The rights that a run gives up before the program's first line."""

from __future__ import annotations

import contextlib
import os
import resource
from dataclasses import dataclass
from typing import Any

from . import kernel, landlock, seccomp

_NEAR_CPU_LIMIT = 2
"""Seconds after which the kernel ends a process that the container should have ended."""

_KEPT_BACK = 16 << 20


@dataclass(frozen=True)
class Rights:
    """How a run is shut in.

    Attributes:
        user: To become; None: stay who one is.
        group: To become.
        reads: Whether to keep the right to read what others own: the interpreter lies where only
            root may read. Landlock's rules then say alone what can be read.
        rules: Descriptor of Landlock's rules; None: the kernel has none.
        filter: Whether system calls are filtered.
        hidden: Whether a run has no path to the `/proc` in which others of its user have memory.
        signals: Whether a run may send signals, because it reaches nobody but its own.
        groups: Whether a run may leave its process group, because it is found without it.
        shared_user: Whether processes outside the container count against the user's limit.
        baseline: Bytes of address space before the program's first line.
        proc: Descriptor of `/proc`, through which the kernel is told to take a run first when
            memory is short; -1: there is none.
    """

    user: int | None
    group: int | None
    reads: bool
    rules: int | None
    filter: bool
    hidden: bool
    signals: bool
    groups: bool
    shared_user: bool
    baseline: int
    proc: int


def give_up(rights: Rights, limits: dict[str, Any], others: int, dumpable: bool = True) -> None:
    """Give up all that the program must not have, for good.

    Args:
        rights: How to be shut in.
        limits: Of the job.
        others: Processes of the same user that count against the limit besides the program's.
        dumpable: Whether others of its user may look into it.

    Raises:
        OSError: A wall that stood before does not stand now.
    """
    if rights.proc >= 0:
        _die_first(rights.proc)
    set_limits(rights, limits, others)
    if rights.user is not None and rights.group is not None:
        if rights.reads:
            kernel.keep_capabilities()
        os.setgroups([])
        os.setresgid(rights.group, rights.group, rights.group)
        os.setresuid(rights.user, rights.user, rights.user)
    kernel.drop_capabilities(kernel.READ_SEARCH if rights.reads else None)
    # The container looks at the run from outside; who becomes another user is hidden from it.
    kernel.set_dumpable(dumpable)
    kernel.no_new_privileges()
    if rights.rules is not None:
        landlock.restrict(rights.rules)
        os.close(rights.rules)
    if rights.filter:
        seccomp.install(seccomp.program(rights.signals, rights.groups))


def _die_first(proc: int) -> None:
    try:
        place = os.open("self/oom_score_adj", os.O_WRONLY | os.O_CLOEXEC, dir_fd=proc)
    except OSError:
        return
    with contextlib.suppress(OSError):
        os.write(place, b"1000")
    os.close(place)


def set_limits(rights: Rights, limits: dict[str, Any], others: int) -> None:
    """Set the limits that the kernel keeps for each process."""
    seconds = int(limits["cpu_seconds"]) + _NEAR_CPU_LIMIT
    wanted = [
        (resource.RLIMIT_CORE, 1),  # with 0 a handler of crashes is started all the same
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, rights.baseline + limits["memory_bytes"] + _KEPT_BACK),
        (resource.RLIMIT_FSIZE, limits["file_bytes"]),
        (resource.RLIMIT_NOFILE, limits["open_files"]),
        (resource.RLIMIT_NPROC, limits["processes"] + others),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_RTPRIO, 0),
        (resource.RLIMIT_SIGPENDING, 256),
    ]
    for which, value in wanted:
        hard = resource.getrlimit(which)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        # What the harness needs to say that memory ran out is kept back.
        soft = value - _KEPT_BACK if which == resource.RLIMIT_AS else value
        resource.setrlimit(which, (soft, value))
