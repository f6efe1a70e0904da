"""The seccomp filter: which system calls a program may not make, as a BPF program."""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from . import kernel

_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_KILL, _ERRNO, _ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_LOAD, _EQUAL, _ABOVE, _HAS_BITS, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_NEWEST = 462
"""What came after these numbers does not exist for a program; its C library falls back."""

_CLONE_NEW = 0x7E020080
_X32 = 0x40000000

# Denied whatever the arguments. name: (x86_64, aarch64); -1: not there.
_DENIED = {
    # Other processes.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "ioprio_set": (251, 30),
    # Mounts, roots, namespaces.
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "statmount": (457, 457),
    "listmount": (458, 458),
    "unshare": (272, 97),
    "setns": (308, 268),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "fanotify_init": (300, 262),
    "quotactl": (179, 60),
    "quotactl_fd": (443, 443),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    # The kernel's less trodden paths.
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "personality": (135, 92),
    "syslog": (103, 116),
    "lookup_dcookie": (212, 18),
    "nfsservctl": (180, 42),
    "uselib": (134, -1),
    "modify_ldt": (154, -1),
    "iopl": (172, -1),
    "ioperm": (173, -1),
    "vmsplice": (278, 75),
    "mbind": (237, 235),
    "set_mempolicy": (238, 237),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "lsm_get_self_attr": (459, 459),
    "lsm_set_self_attr": (460, 460),
    "lsm_list_modules": (461, 461),
    # The machine.
    "reboot": (169, 142),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "create_module": (174, -1),
    "acct": (163, 89),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "vhangup": (153, 58),
    # Memory that outlives the process or is under no limit.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    # The network. Pairs of connected sockets remain: event loops use them.
    "socket": (41, 198),
    "bind": (49, 200),
    "connect": (42, 203),
    "listen": (50, 201),
}
_CLONE, _CLONE3 = (56, 220), (435, 435)
_PRCTL, _IOCTL, _FCNTL = (157, 167), (16, 29), (72, 25)
_SOCKETPAIR = (53, 199)
# What a process may do to itself only, since others are of its user: how much of the machine they
# get, and how much they may take. Those in wait to be copied would hand it on to every later run.
_OF_ITSELF = {
    "prlimit64": (302, 261),
    "sched_setparam": (142, 118),
    "sched_setscheduler": (144, 119),
    "sched_setaffinity": (203, 122),
    "sched_setattr": (314, 274),
}
_SETPRIORITY = (141, 140)
_SIGNALS = {
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
}
_GROUPS = {"setpgid": (109, 154), "setsid": (112, 157)}
# PR_SET_MM, PR_SET_CHILD_SUBREAPER, PR_SET_PTRACER, PR_SET_PDEATHSIG stays.
_DENIED_PRCTL = (35, 36, 0x59616D61)
# Putting words into a terminal's mouth: TIOCSTI, TIOCLINUX, TIOCSETD, TIOCCONS; and FIOSETOWN and
# SIOCSPGRP, see below.
_DENIED_IOCTL = (0x5412, 0x541C, 0x5423, 0x541D, 0x8901, 0x8902)
# F_SETOWN, F_SETSIG, F_SETOWN_EX: a file sends whom they name any signal, past the calls for that.
_DENIED_FCNTL = (8, 10, 15)


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
    steps += _block(_CLONE3[column], [_MISSING])
    for numbers in _DENIED.values():
        if numbers[column] >= 0:
            steps += _block(numbers[column], [_DENY])
    steps += _block(_CLONE[column], [_low(0), _step(_HAS_BITS, _CLONE_NEW, 0, 1), _DENY, _PASS])
    steps += _block(_PRCTL[column], _any_of(0, _DENIED_PRCTL))
    steps += _block(_IOCTL[column], _any_of(1, _DENIED_IOCTL))
    steps += _block(_FCNTL[column], _any_of(1, _DENIED_FCNTL))
    for numbers in _OF_ITSELF.values():
        steps += _block(numbers[column], _only(0, 0))
    # PRIO_PROCESS is 0, and so is oneself.
    steps += _block(_SETPRIORITY[column], [_low(0), _step(_EQUAL, 0, 1, 0), _DENY, *_only(1, 0)])
    # AF_UNIX is 1.
    steps += _block(_SOCKETPAIR[column], _only(0, 1))
    for numbers in () if signals else _SIGNALS.values():
        steps += _block(numbers[column], [_DENY])
    for numbers in () if groups else _GROUPS.values():
        steps += _block(numbers[column], [_DENY])
    steps.append(_PASS)
    return b"".join(steps)


def _block(number: int, then: list[bytes]) -> list[bytes]:
    """For one system call; `then` must return."""
    return [_step(_EQUAL, number, 0, len(then)), *then]


def _only(argument: int, value: int) -> list[bytes]:
    return [_low(argument), _step(_EQUAL, value, 1, 0), _DENY, _PASS]


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
