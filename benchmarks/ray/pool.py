"""The worker pool, as the driver sees it: hired, given units, and replaced when lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from rich.console import Console

from benchmarks.ray.cluster import ClusterError, Places, connected, losses, places, reason
from benchmarks.ray.worker import Failure, Ready, Setup, Worker
from benchmarks.records import Record
from benchmarks.spread import MAX_LOSSES, Queue
from benchmarks.work import Unit

_PATIENCE = 15.0  # seconds without news, after which to look whether it can still come
_LEAVE = 10.0  # seconds that workers have to tidy up at the end


@contextmanager
def ray_team(
    address: str, setup: Setup, *, workers: int | None, at_most: int, console: Console
) -> Iterator[Team]:
    """Hire workers on this machine or in a cluster, and dismiss them at the end.

    Args:
        address: `local`, or of a cluster.
        setup: Of each worker.
        workers: How many; None: as many as there is room for.
        at_most: No more than these, since there are no more units.
        console: Where the loss of a worker is told.

    Yields:
        The team, once its first worker is ready.

    Raises:
        SettingsError: Ray is not installed; or a worker finds other data, code or model than here.
        ClusterError: Ray cannot be started or joined, or no worker stays alive.
    """
    with connected(address, workers) as ray:
        room = places(ray.nodes(), workers, setup.options.get("device"))
        team = Team(ray, setup, Places(min(room.count, at_most), room.cpus, room.gpus), console)
        try:
            team.start()
            yield team
            team.dismiss()
        finally:
            team.kill()


@dataclass(eq=False)
class _Member:
    """A worker as the driver sees it.

    Attributes:
        number: In the order of hiring.
        handle: Ray's.
        calls: What it was asked and has not answered, oldest first; None: to get ready.
        host: Where it is; None until it is ready.
    """

    number: int
    handle: Any
    calls: dict[Any, Unit | None] = field(default_factory=dict)
    host: str | None = None


class Team:
    """Workers in processes of their own; see `ray_team`."""

    def __init__(self, ray: ModuleType, setup: Setup, room: Places, console: Console) -> None:
        self._ray = ray
        self._setup = setup
        self._console = console
        self._room = room
        self._members: list[_Member] = []
        self._hired = 0
        self._false_starts = 0
        self._told = 0
        self._first: Ready | None = None
        self._lost = losses(ray)
        self._home = ray.get_runtime_context().get_node_id()

    def start(self) -> None:
        """Hire all, and return once one of them is ready."""
        for _ in range(self._room.count):
            self._hire()
        nothing = Queue(())
        while self._first is None:
            for _ in self._news(nothing):
                pass

    def provenance(self) -> dict[str, Any]:
        """Return machine and versions of the worker that was ready first."""
        assert self._first is not None, "not started"
        return {**self._first.provenance, "workers": self._room.count}

    def results(self, units: Sequence[Unit]) -> Iterator[tuple[Unit, list[Record]]]:
        """Yield every unit once, as it is done, with its records.

        Raises:
            ClusterError: Units are left over that took one worker after the other down, or no
                worker stays alive. All others were yielded.
        """
        queue = Queue(units)
        while queue.open:
            self._hand_out(queue)
            yield from self._news(queue)
        if queue.given_up:
            raise ClusterError(
                f"--ray: {MAX_LOSSES} workers were lost, one after the other, over each of these: "
                f"{'; '.join(_named(u) for u in queue.given_up)}. All other results are stored. "
                "What ends a worker is mostly memory: try a smaller --batch, fewer --particles or "
                "fewer --ray-workers. The same command tries these items again."
            )

    def dismiss(self) -> None:
        """Let idle workers tidy up and end."""
        leaving = [m.handle.__ray_terminate__.remote() for m in self._members if m.host]
        if leaving:
            self._ray.wait(leaving, num_returns=len(leaving), timeout=_LEAVE)

    def kill(self) -> None:
        """End all workers at once, whatever they are doing."""
        while self._members:
            with suppress(Exception):  # without a connection they end by themselves
                self._ray.kill(self._members.pop().handle)

    def _hire(self) -> None:
        """Ask Ray for a worker; it is there when there is room, and answers when it is ready."""
        # Neither Ray's restarts nor its retries: what is redone is decided here alone.
        remote = self._ray.remote(Worker).options(
            num_cpus=self._room.cpus,
            num_gpus=self._room.gpus,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
        )
        member = _Member(self._hired, remote.remote())
        self._hired += 1
        member.calls[member.handle.prepare.remote(self._setup)] = None
        self._members.append(member)

    def _hand_out(self, queue: Queue) -> None:
        """Give each worker a unit, and one to go on with while there are plenty.

        Towards the end a unit that waits for one worker might have been run by another.
        """
        ready = [m for m in self._members if m.host is not None]
        for load in (0, 1):
            for member in ready:
                if queue.held(member.number) > load or (load and queue.waiting < len(ready)):
                    continue
                unit = queue.take(member.number)
                if unit is not None:
                    call = member.handle.run.remote(*unit.key)
                    member.calls[call] = unit

    def _news(self, queue: Queue) -> Iterator[tuple[Unit, list[Record]]]:
        """Wait for the next answer; yield what units it brings to an end.

        If the consumer stops here, nothing is lost but what has not been yielded.
        """
        calls = {call: member for member in self._members for call in member.calls}
        done, _ = self._ray.wait(list(calls), timeout=_PATIENCE)
        if not done:
            self._see_what_is_waited_for()
            return
        call, member = done[0], calls[done[0]]
        try:
            answer = self._ray.get(call)
        except self._lost as error:
            yield from self._replace(member, queue, error)
        else:
            yield from self._accept(member, call, answer, queue)

    def _accept(
        self, member: _Member, call: Any, answer: Any, queue: Queue
    ) -> Iterator[tuple[Unit, list[Record]]]:
        """Take an answer in; yield its unit if it is the first answer to it."""
        unit = member.calls.pop(call)
        if isinstance(answer, Failure):
            raise answer.error
        if unit is None:
            member.host = answer.host
            self._false_starts = 0
            self._first = self._first or answer
        elif queue.finish(member.number, unit):
            yield unit, answer

    def _replace(
        self, member: _Member, queue: Queue, error: Exception
    ) -> Iterator[tuple[Unit, list[Record]]]:
        """Hire another worker for one that was lost; yield what it had still sent."""
        for call in list(member.calls):
            answer = self._arrived(call)
            if answer is not None:
                yield from self._accept(member, call, answer, queue)
        self._members.remove(member)
        self._ray.kill(member.handle)  # it may be cut off merely, and at work
        queue.lose(member.number, blame=not getattr(error, "preempted", False))
        self._note(
            f"worker {member.number} ({member.host or 'not ready yet'}) was lost; "
            f"what it was at is done again. {reason(error)}"
        )
        self._false_starts += member.host is None
        if self._false_starts < MAX_LOSSES:
            self._hire()
        elif not self._members:
            raise ClusterError(
                f"--ray: {self._false_starts} workers were lost one after the other before they "
                f"were ready. {reason(error)} Expected room for the model, and this project "
                "importable (the same checkout, and what it needs) on every machine."
            ) from error

    def _arrived(self, call: Any) -> Any:
        """Return an answer that is here already; None if it is not, or was lost."""
        done, _ = self._ray.wait([call], timeout=0)
        try:
            return self._ray.get(done[0]) if done else None
        except self._lost:
            return None

    def _see_what_is_waited_for(self) -> None:
        """Say once how many workers are not there yet; raise if none can come."""
        if self._home not in {n["NodeID"] for n in self._ray.nodes() if n["Alive"]}:
            raise ClusterError(
                "--ray: Ray has ended on the machine of the driver. What is done is stored, and "
                "the same command goes on from here."
            )
        missing = sum(m.host is None for m in self._members)
        if missing not in (0, self._told):
            free = self._ray.available_resources()
            needed = f"{self._room.cpus} CPU, {self._room.gpus:g} GPU"
            self._note(
                f"{missing} of {len(self._members)} workers still load, or wait for room: each "
                f"needs {needed}; free are {free.get('CPU', 0):g} and {free.get('GPU', 0):g}."
            )
        self._told = missing

    def _note(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)


def _named(unit: Unit) -> str:
    return f"{unit.method}, seed {unit.seed}, items {', '.join(i.id for i in unit.items)}"
