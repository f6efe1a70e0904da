"""What a machine has of a sandbox, seen from outside."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from potentials.sandbox import Sandbox


def descendants(pid: int) -> set[int]:
    """Return the ids of all processes under one, zombies left out."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                parents[int(entry.name)] = int(fields[1])
    found: set[int] = set()
    while True:
        more = {p for p, up in parents.items() if up == pid or up in found} - found
        if not more:
            return found
        found |= more


def state(pid: int) -> str:
    """Return the state of a process in one letter; X if it is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return "X"
    return stat.rpartition(")")[2].split()[0]


def alive(pids: set[int]) -> set[int]:
    """Return those of the processes that still run."""
    return {pid for pid in pids if state(pid) not in "ZX"}


def processes(sandbox: Sandbox) -> set[int]:
    """Return the ids of the containers, templates, snapshots and runs of a sandbox."""
    fork_server = sandbox._fork_server
    return descendants(fork_server._process.pid) if fork_server is not None else set()


def need_view_of_processes(sandbox: Sandbox) -> None:
    """Skip where no process is kept, since nothing shows what it shares with others."""
    if "view of processes" not in sandbox.walls:
        pytest.skip(f"no beginning is reused on this machine; {sandbox.walls}")


def open_files(pid: int) -> int:
    """Return how many descriptors a process has."""
    return len(os.listdir(f"/proc/{pid}/fd"))
