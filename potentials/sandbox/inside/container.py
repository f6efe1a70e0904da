"""The first process of a container: serves jobs one by one, and lets nothing survive them."""

from __future__ import annotations

import base64
import os
import socket
import time
from typing import Any

from . import harness, wire
from .folder import Folder
from .monitor import Monitor
from .process_table import ProcessTable
from .rights import Rights
from .run_process import Answer, Bounds, Order, RunProcess, command, drain
from .snapshots import Snapshots, end
from .spawner import BrokenWallError, ProcessSpawner
from .statuses import Status

_FRAME_SLACK = 64 << 10
_TRIES = 3


class Container:
    """Serves jobs.

    Args:
        caller: Connection to who asks.
        folder: Where programs write.
        processes: Those of this container.
        rights: How a run is shut in.
        snapshots: Those kept.
    """

    def __init__(
        self,
        caller: socket.socket,
        folder: Folder,
        processes: ProcessTable,
        rights: Rights,
        snapshots: Snapshots,
    ) -> None:
        self._caller = caller
        self._folder = folder
        self._processes = processes
        self._snapshots = snapshots
        waiting = snapshots.pids
        self._monitor = Monitor(caller, processes, folder, waiting)
        self._spawner = ProcessSpawner(folder.path, processes, rights, self._monitor, waiting)

    def serve(self) -> None:
        """Answer until the caller is gone; leave nothing behind."""
        try:
            self._serve()
        finally:
            self._processes.end_all()

    def _serve(self) -> None:
        while True:
            job = wire.receive(self._caller)
            if job is None:
                return
            try:
                answer: dict[str, Any] | None = self.run(job)
            except (BrokenWallError, OSError, RuntimeError) as error:
                answer = {"broken": f"{type(error).__name__}: {error}"}
                self._end_all()
            if answer is None:
                return
            answer["dropped"], self._snapshots.dropped = self._snapshots.dropped, []
            wire.send(self._caller, answer)

    def run(self, job: dict[str, Any]) -> dict[str, Any] | None:
        """Run a job; None if the caller left meanwhile."""
        limits, pieces, keys = job["limits"], job["pieces"], job["keys"]
        total = len(pieces) - (job["setup"] is not None)
        files = tuple((name, base64.b64decode(text)) for name, text in job["files"])
        self._folder.prepare(files, limits["file_bytes"])
        done = self._snapshots.longest(keys[:total])
        reused = done
        run = self._source(keys[:done], limits)
        self._processes.follow(run.pid)
        began = time.monotonic()
        bounds = Bounds(
            began + limits["wall_seconds"],
            limits["cpu_seconds"],
            limits["memory_bytes"],
            limits["output_bytes"],
            limits["output_bytes"] + _FRAME_SLACK,
        )
        kept: list[str] = []
        answer = Answer(Status.DONE, b'%d\n{"plain":true,"value":null}' % done)
        for stop in self._stops(done, total, job):
            asked = job["result"] if stop == total else None
            order = _order(pieces[done:stop], done, asked, bounds.output_bytes)
            told = self._tell(run, order, limits, bounds)
            if told is None:
                return self._without(run, job)
            run = told
            answer = self._monitor.answer(run, bounds)
            done += answer.pieces
            if answer.status is not Status.DONE:
                break
            may_keep = asked is None and keys and self._snapshots.wanted
            if may_keep and self._keep(run, keys[stop - 1], answer, limits["output_bytes"]):
                kept.append(keys[stop - 1])
        runs = [run]
        if answer.status is Status.DONE and job["setup"] is not None:
            examined = self._examine(run, job, bounds)
            if isinstance(examined, RunProcess):
                return self._without(examined, job)
            answer, runs = examined
            done = total + 1 if answer.status is Status.DONE else answer.piece
        if answer.status is Status.GONE:
            return None
        seconds = time.monotonic() - began
        most = limits["output_bytes"]
        self._clean(runs, most)
        stdout, stderr = b"".join(r.stdout for r in runs), b"".join(r.stderr for r in runs)
        if answer.status is Status.DONE and len(stdout) + len(stderr) > most:
            answer = Answer(Status.OUTPUT, b"", answer.pieces)
        return {
            "status": answer.status.value,
            "piece": done,
            "said": answer.body.decode("utf-8", "replace"),
            "stdout": stdout[:most].decode("utf-8", "replace"),
            "stderr": stderr[:most].decode("utf-8", "replace"),
            "seconds": seconds,
            "reused": reused,
            "kept": [key for key in kept if key not in self._snapshots.dropped],
        }

    def _source(self, keys: list[str], limits: dict[str, Any]) -> RunProcess:
        """Return the process that has run what these keys, or none, stand for, and waits."""
        return self._snapshots.get(keys[-1]) if keys else self._spawner.template(limits)

    def _tell(
        self, run: RunProcess, order: Order, limits: dict[str, Any], bounds: Bounds
    ) -> RunProcess | None:
        """Give an order to a process, or to a copy of one that is to stay; return which."""
        if run.pid in self._snapshots.pids:
            return self._spawner.copy(run, order, limits, bounds)
        command(run, order, bounds.deadline)
        return run

    def _examine(
        self, run: RunProcess, job: dict[str, Any], bounds: Bounds
    ) -> tuple[Answer, list[RunProcess]] | RunProcess:
        """Run the job's last piece, a test, beside the process that has run the others.

        Returns:
            What became of the test, and the processes of the program and of the test; or a process
            that should have made a copy of itself and did not.
        """
        limits, pieces, setup = job["limits"], job["pieces"], job["setup"]
        known = self._snapshots.longest(job["keys"][:setup])
        # It is made by the container, and shows itself to no process of its user's.
        source = self._source(job["keys"][:known], limits)
        if source.pid not in self._snapshots.pids:
            source = self._spawner.unwatched(limits)
        near, far = socket.socketpair()
        with near, far:
            serve = Order(harness.SERVE, fds=(far.fileno(),))
            program = self._tell(run, serve, limits, bounds)
            if program is None:
                return run
            texts = [*pieces[known:setup], pieces[-1]]
            order = _order(texts, known, None, bounds.output_bytes)
            test = Order(harness.TEST, order.body, order.pieces, (near.fileno(),))
            tester = self._tell(source, test, limits, bounds)
            if tester is None:
                end(program)
                return source
        answer = self._monitor.answer(tester, bounds, program)
        at = known + answer.pieces
        answer.piece = at if at < setup else len(pieces) - 1
        return answer, [program, tester]

    def _without(self, run: RunProcess, job: dict[str, Any]) -> dict[str, Any] | None:
        """Run a job once more, without a process that makes no copies."""
        tries = job.get("tries", 0)
        if tries > _TRIES:
            raise BrokenWallError("processes that wait to be copied make no copies")
        self._snapshots.forget({run.pid})
        self._spawner.forget({run.pid})
        return self.run({**job, "reuse": False, "keys": [], "tries": tries + 1})

    def _stops(self, done: int, total: int, job: dict[str, Any]) -> list[int]:
        """Return after how many pieces to halt, to keep the process as it is then."""
        wanted = {total}
        if job["reuse"] and job["keys"] and self._snapshots.wanted:
            wanted |= {total - 1, job["setup"] or total}
        stops = sorted(n for n in wanted if n > done)
        return stops or ([total] if job["result"] is not None else [])

    def _keep(self, run: RunProcess, key: str, answer: Answer, output_bytes: int) -> bool:
        """Keep a process if a copy of it would go on as it would itself."""
        look = self._processes
        plain = answer.body.split(b"\n", 1)[1].startswith(b'{"plain":true')
        if not (plain and self._spawner.copies and look.visible):
            return False
        if look.others() - self._snapshots.pids != {run.pid} or look.threads(run.pid) != 1:
            return False
        if not self._as_given(run) or look.shares_memory(run.pid):
            return False
        if look.has_signals_waiting(run.pid):
            return False
        if not self._folder.unchanged():
            return False
        drain(run, output_bytes)
        if len(run.stdout) + len(run.stderr) > output_bytes:
            return False
        run.close_output()
        self._snapshots.keep(key, run, look.own_bytes(run.pid))
        return True

    def _as_given(self, run: RunProcess) -> bool:
        """Whether a process has open what it was given, no less, no more and nothing else."""
        null, channel = os.stat("/dev/null"), self._processes.open_file(run.pid, run.channel)
        given = {0: null, 1: os.fstat(run.out), 2: os.fstat(run.err), run.channel: channel}
        if self._processes.open_files(run.pid) != set(given):
            return False
        return all(
            about is not None
            and (opened := self._processes.open_file(run.pid, place)) is not None
            and os.path.samestat(opened, about)
            for place, about in given.items()
        )

    def _clean(self, runs: list[RunProcess], output_bytes: int) -> None:
        """End all that is not kept."""
        for run in runs:
            if run.pid not in self._snapshots.pids:
                drain(run, output_bytes)
                end(run)
        if self._processes.visible:
            dead = self._processes.reap()
            if dead & self._snapshots.pids:
                self._snapshots.forget(dead)
                self._spawner.forget(dead)
            if not self._processes.others() - self._snapshots.pids:
                return
        # Something was left behind. All go, since none may fork away meanwhile.
        self._end_all()

    def _end_all(self) -> None:
        self._processes.end_all()
        self._snapshots.forget_all()
        self._spawner.forget_all()


def _order(pieces: list[str], first: int, result: str | None, limit: int) -> Order:
    """Return the order to run pieces, and then to evaluate the result if one is asked for."""
    texts = [p.encode("utf-8", "surrogatepass") for p in pieces]
    numbers = first, limit, int(result is not None)
    if result is not None:
        texts.append(result.encode("utf-8", "surrogatepass"))
    lengths = b" ".join(b"%d" % len(t) for t in texts)
    body = b"%d %d %d\n" % numbers + lengths + b"\n" + b"".join(texts)
    return Order(harness.GO_ON, body, len(pieces))
