"""What many runs in a row leave behind: `python -m benchmarks.micro.sandbox_leaks --runs 10000`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

from potentials.sandbox import Job, Limits, Sandbox

_WARM_UP = 200
_PROGRAMS = (
    "x = {0}",
    "1 / 0",
    "import os; os._exit(1)",
    "open('f', 'w').write('x' * 1000)",
    "import os, time\nif os.fork() == 0: time.sleep(20)",
    "import threading, time; threading.Thread(target=time.sleep, args=(20,)).start()",
    "a = bytearray(1 << 22)",
    "print('x' * 10_000)",
)
_CYCLE = 400
"""Runs after which the same processes are kept as before: of 16 kinds, with a look every 50."""
_MEMORY_SLACK = 16 << 20
"""Bytes that may be added: allocators and caches settle late."""


def main(arguments: list[str] | None = None) -> int:
    """Run programs of several kinds in turn; print what there was before and after, as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.micro.sandbox_leaks")
    parser.add_argument(
        "--runs", type=int, default=10_000, help=f"rounded up to whole cycles of {_CYCLE}"
    )
    runs = -(-parser.parse_args(arguments).runs // _CYCLE) * _CYCLE
    with Sandbox(workers=1, snapshots=8, limits=Limits(wall_seconds=5.0)) as sandbox:
        for number in range(_WARM_UP):
            _run(sandbox, number)
        assert sandbox._fork_server is not None
        base = Path(sandbox._fork_server.base)
        before = _held(base)
        began = time.perf_counter()
        for number in range(_WARM_UP, _WARM_UP + runs):
            _run(sandbox, number)
        seconds = time.perf_counter() - began
        after = _held(base)
    end = _held(base)
    leaks = [
        name
        for name, slack in (
            ("processes", 0),
            ("files", 0),
            ("folders", 0),
            ("bytes", _MEMORY_SLACK),
        )
        if after[name] > before[name] + slack
    ]
    if end["processes"] > 1:
        leaks.append("processes after close")
    if end["folders"]:
        leaks.append("folders after close")
    found = {"runs": runs, "ms_per_run": seconds / max(1, runs) * 1e3, "leaks": leaks}
    print(json.dumps({**found, "before": before, "after": after, "closed": end}, indent=2))
    return 1 if leaks else 0


def _run(sandbox: Sandbox, number: int) -> None:
    # Eight ends of the same kind twice: as a new program, and as one that is known.
    code = _PROGRAMS[number % len(_PROGRAMS)].format(number // 16)
    sandbox.run(Job((code, "y = 1")))
    if number % 50 == 0:
        # The same state of kept processes before each look.
        for kept in range(16):
            sandbox.run(Job((f"k = {kept}", "y = 1")))


def _held(base: Path) -> dict[str, int]:
    """Return what this process and all under it hold now, and the folders of the sandbox."""
    pids = {os.getpid()}
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int(_after_name(entry).split()[1])
            except OSError:
                continue
    while True:
        more = {pid for pid, parent in parents.items() if parent in pids} - pids
        if not more:
            break
        pids |= more
    files = size = 0
    for pid in pids:
        try:
            files += len(os.listdir(f"/proc/{pid}/fd"))
            size += int(_after_name(Path(f"/proc/{pid}")).split()[21]) * os.sysconf("SC_PAGE_SIZE")
        except OSError:
            continue
    folders = 1 + sum(1 for _ in base.iterdir()) if base.exists() else 0
    return {"processes": len(pids), "files": files, "folders": folders, "bytes": size}


def _after_name(entry: Path) -> str:
    return (entry / "stat").read_text("utf-8", "replace").rpartition(")")[2]


if __name__ == "__main__":
    sys.exit(main())
