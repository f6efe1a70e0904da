"""A server process on this machine, and the resources that it holds."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.tasks import ROOT

NAME = "molecules"
_TEMPLATE = (
    "{% for m in messages %}{{ m['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}\nMolecule:{% endif %}"
)
_START = "import sys; from smc.cli import main; sys.exit(main())"
_START_SECONDS = 120
_END_SECONDS = 60


@dataclass(frozen=True)
class Held:
    """What the server holds at one moment.

    Attributes:
        seconds: Since the clients began.
        rss: Bytes of memory.
        files: Open files.
        threads: Of its process.
        processes: Below it.
        particles: That run.
        batches: That run.
        queued: Prompts that wait.
        tokens: Particle-tokens drawn so far.
    """

    seconds: float
    rss: int
    files: int
    threads: int
    processes: int
    particles: int
    batches: int
    queued: int
    tokens: float


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    process: subprocess.Popen[bytes]
    url: str

    @property
    def pid(self) -> int:
        """Of the process."""
        return self.process.pid

    def end(self) -> int:
        """Send SIGTERM; return the exit status."""
        self.process.terminate()
        return self.process.wait(timeout=_END_SECONDS)

    def held(self, began: float) -> Held:
        """Return what it holds now.

        Args:
            began: When the clients began, by `time.monotonic`.
        """
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=60) as reply:
            metrics = reply.read().decode()
        proc = Path(f"/proc/{self.pid}")
        status = proc.joinpath("status").read_text()
        return Held(
            seconds=round(time.monotonic() - began, 1),
            rss=int(_matched(r"VmRSS:\s+(\d+) kB", status)) * 1024,
            files=len(os.listdir(proc / "fd")),
            threads=int(_matched(r"Threads:\s+(\d+)", status)),
            processes=_below(self.pid),
            particles=int(float(_matched(r"^smc_particles (\S+)", metrics))),
            batches=int(float(_matched(r"^smc_batches (\S+)", metrics))),
            queued=int(float(_matched(r"^smc_queue (\S+)", metrics))),
            tokens=float(_matched(r"^smc_particle_tokens_total (\S+)", metrics)),
        )


@contextmanager
def server(model: Path, *, queue: int, hangs: bool = False) -> Iterator[Server]:
    """Run `smc serve` on a free port of the loopback.

    Args:
        model: A model's folder; a chat template is put beside a copy of it.
        queue: Prompts that may wait.
        hangs: Whether potentials that never come back are registered too.

    Raises:
        RuntimeError: It does not start.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        copy = Path(folder) / "model"
        shutil.copytree(model, copy)
        copy.joinpath("chat_template.jinja").write_text(_TEMPLATE)
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        command = [
            *(sys.executable, "-c", _START, "serve", "--model", str(copy), "--name", NAME),
            *("--port", str(port), "--max-queue", str(queue), "--max-particles", "64"),
            *("--potential", "valid=potentials.molecule:SMILESValidity"),
        ]
        if hangs:
            for name in ("Sleeps", "Spins"):
                where = f"benchmarks.server_load.hostile:{name}"
                command += ["--potential", f"{name.lower()}={where}"]
        process = subprocess.Popen(command, cwd=ROOT)
        running = Server(process, f"http://127.0.0.1:{port}")
        try:
            _wait_for(process, running.url)
            yield running
        finally:
            process.terminate()
            try:
                process.wait(timeout=_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def attackers(url: str) -> Iterator[dict[str, dict[str, int]]]:
    """Run the hostile clients; the dictionary is filled with what they were answered at the end.

    Args:
        url: Of the server.
    """
    answers: dict[str, dict[str, int]] = {}
    command = [sys.executable, "-m", "benchmarks.server_load.hostile", url]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield answers
    finally:
        process.terminate()
        told, _ = process.communicate(timeout=60)
        answers.update(json.loads(told))


def _wait_for(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with status {process.returncode}")
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise RuntimeError(f"the server did not answer within {_START_SECONDS} s")


def _matched(pattern: str, text: str) -> str:
    match = re.search(pattern, text, flags=re.MULTILINE)
    assert match is not None, pattern
    return match.group(1)


def _below(pid: int) -> int:
    """How many processes a process has started, and these in turn."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = entry.joinpath("stat").read_text("utf-8", "replace")
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(entry.name))
    count, new = 0, children.get(pid, [])
    while new:
        count += len(new)
        new = [grandchild for child in new for grandchild in children.get(child, [])]
    return count
