"""The builder of a container: tries every wall, and says which stood."""

from __future__ import annotations

import os
import socket
from typing import Any

from . import kernel, landlock, probes, readable_paths, seccomp, view
from .container import Container
from .folder import Folder
from .process_table import ProcessTable
from .rights import Rights
from .snapshots import Snapshots

INNER_ID = 1000
"""The user that a program is, as it sees it, where users have a namespace."""

_OUTER_IDS = 1_900_000_000, 100_000_000
"""The first and the number of the users that it may be for the machine: they own nothing."""

_NOBODY = 65534
_HOST_NAME = "sandbox"
_MAPPED = {b"1": 1, b"2": 2, b"3": 3}
_ITS_OWN = 3

_UNLIMITED = (
    "the kernel does not limit how many processes a program starts, so that a fork bomb would take "
    "the machine; no program is run, and unsafe=True does not change that. The limit does not hold "
    "for root, and no other user can be had: {}. Start it as another user than root, allow mount "
    "namespaces, use an interpreter that lies where every user may read, or a kernel with Landlock."
)

_UNSEEN = (
    "the namespace of processes has no /proc of its own: memory is limited for each process and "
    "not added up over all of them, and no beginning is reused"
)

_NAMESPACES = {
    "mount namespace": kernel.NEW_MOUNT,
    "network namespace": kernel.NEW_NET,
    "ipc namespace": kernel.NEW_IPC,
    "process namespace": kernel.NEW_PID,
}


class RefusedError(Exception):
    """What stands is not enough to run any program, whatever the caller says."""


class ContainerBuilder:
    """The walls of one container as they are put up.

    Args:
        base: An empty folder of the container's own.
        without: Walls not to be tried.
    """

    def __init__(self, base: str, without: list[str]) -> None:
        self.base = base
        self._without = without
        self._users = 0
        self._baseline = _address_space()
        self.stand: list[str] = []
        self.missing: dict[str, str] = {}
        # What is asked before anything hides it.
        self._paths = readable_paths.readable()
        self._open_to_all = readable_paths.readable_by_all(self._paths)

    def attempt(self, name: str, act: Any, *arguments: Any) -> Any:
        """Put up a wall; return what that gave, or None if it cannot be put up."""
        if name in self._without:
            self.missing[name] = "left out on request"
            return None
        try:
            given = act(*arguments)
        except (OSError, ValueError) as error:
            self.missing[name] = str(error)
            return None
        self.stand.append(name)
        return True if given is None else given

    def separate(self, asking: socket.socket) -> None:
        """Leave the namespaces of the fork server; the container is to be forked afterwards."""
        self.attempt("user namespace", self._user_namespace, asking)
        for name, flag in _NAMESPACES.items():
            self.attempt(name, kernel.call, "unshare", flag)
        self.attempt("uts namespace", _rename_host)

    def _user_namespace(self, asking: socket.socket) -> None:
        kernel.call("unshare", kernel.NEW_USER)
        # The fork server has the right to write more than one user into the map, where we had it.
        asking.sendall(b"m")
        answer = asking.recv(1)
        if answer not in _MAPPED:
            raise OSError(1, "no users could be mapped")
        self._users = _MAPPED[answer]

    def settle(self, caller: socket.socket, config: dict[str, Any], root: bool) -> Container:
        """In the container: put up the walls that are kept from within.

        Args:
            caller: Connection to who will ask.
            config: Of the sandbox.
            root: Whether the fork server has root's rights.

        Raises:
            RefusedError: The kernel would not limit how many processes a program starts.
        """
        alone = "process namespace" in self.stand
        proc = -1
        if "mount namespace" in self.stand:
            self.stand.remove("mount namespace")
            mounted_proc = self.attempt("mount namespace", view.enter, self.base, self._paths)
            proc = mounted_proc if type(mounted_proc) is int else -1
        mounted = "mount namespace" in self.stand
        if proc < 0 and not alone and os.path.isdir("/proc/self"):
            proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        if proc < 0:
            self.missing["view of processes"] = _UNSEEN
        else:
            self.stand.append("view of processes")
        filtered = self.attempt("seccomp", seccomp.probe)
        user = self.attempt("uid", self._user, root, mounted)
        reads = user is not None and not mounted and not self._open_to_all
        path = view.FOLDER if mounted else os.path.join(self.base, "folder")
        owner = (os.geteuid(), os.getegid()) if user is None else (user, user)
        folder = Folder(path, owner[0], owner[1], mounted)
        folder.prepare((), 1 << 20)
        # Landlock forgets what is mounted over: the rule is on the folder that it is mounted in.
        place = os.path.dirname(path) if mounted else path
        shown = [*self._paths, view.USERS] if mounted else self._paths
        rules = self.attempt("landlock", landlock.rules, shown, readable_paths.DEVICES, place)
        if reads and rules is None:
            raise RefusedError(f"nothing keeps a program from files: {self.missing['landlock']}")
        self.stand.append("capabilities")
        self.stand.append("rlimits")
        processes = ProcessTable(proc, alone, user)
        rights = Rights(
            user=user,
            group=user,
            reads=reads,
            rules=rules,
            filter=filtered is not None,
            hidden=mounted or rules is not None,
            signals=alone or (rules is not None and landlock.scopes_signals()),
            groups=alone,
            shared_user=user is None and "user namespace" not in self.stand,
            baseline=self._baseline,
            proc=proc,
        )
        if not probes.forks_are_limited(rights):
            raise RefusedError(_UNLIMITED.format(self.missing.get("uid", "none")))
        snapshots = Snapshots(config["snapshots"], config["snapshot_bytes"])
        return Container(caller, folder, processes, rights, snapshots)

    def _user(self, root: bool, mounted: bool) -> int:
        """Return whom a run becomes."""
        if not root:
            raise OSError(1, "only root can become another user")
        if not mounted and not self._open_to_all and not self._can_read_alone():
            raise OSError(13, "the interpreter lies where only its owner may read")
        if "user namespace" not in self.stand:
            return _fresh_user()
        if self._users < 2:
            raise OSError(1, "the user namespace has only one user")
        if self._users < _ITS_OWN and "process namespace" not in self.stand:
            raise OSError(1, "there is no user but nobody, who may have processes elsewhere")
        return INNER_ID

    def _can_read_alone(self) -> bool:
        """Whether the right to read anything can be lent: Landlock takes the rest of it away.

        A handle would open a file past every folder; the filter denies handles.
        """
        walled = "landlock" not in self._without and landlock.version() > 0
        return walled and "seccomp" in self.stand


def _rename_host() -> None:
    kernel.call("unshare", kernel.NEW_UTS)
    socket.sethostname(_HOST_NAME)


def _fresh_user() -> int:
    """Return a user that nobody else is: what a run may have is counted for each user."""
    first, count = _OUTER_IDS
    return first + int.from_bytes(os.urandom(8), "big") % count


def write_maps(pid: int) -> int:
    """Write who is who in the user namespace of a process.

    Returns:
        1: there is but one user, who we are; 2: there is another, nobody; 3: there is another, who
        is nobody else.

    Raises:
        OSError: The kernel takes none of the maps that we may write.
    """
    me, group = os.geteuid(), os.getegid()
    tries = []
    if me == 0:
        for outer, users in ((_fresh_user(), _ITS_OWN), (_NOBODY, 2)):
            tries.append((f"0 0 1\n{INNER_ID} {outer} 1\n", users))
    last: OSError | None = None
    for text, users in tries:
        try:
            _write(pid, "gid_map", text)
            _write(pid, "uid_map", text)
            return users
        except OSError as error:
            last = error
    try:
        _write(pid, "setgroups", "deny")
        _write(pid, "gid_map", f"{INNER_ID} {group} 1\n")
        _write(pid, "uid_map", f"{INNER_ID} {me} 1\n")
    except OSError as error:
        raise last or error from None
    return 1


def _write(pid: int, name: str, text: str) -> None:
    place = os.open(f"/proc/{pid}/{name}", os.O_WRONLY)
    try:
        os.write(place, text.encode())
    finally:
        os.close(place)


def _address_space() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
