"""A sandbox that runs nothing: a piece fails if it says so."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from potentials.sandbox import Job, Outcome, RunResult, Sandbox

_OUTCOMES = {
    "RAISE": Outcome.ERROR,
    "SLEEP": Outcome.TIMEOUT,
    "GROW": Outcome.MEMORY,
    "SHOUT": Outcome.OUTPUT,
    "DIE": Outcome.KILLED,
    "LEAVE": Outcome.EXITED,
}


class FakeSandbox:
    """Runs each piece by looking for a word in it.

    Attributes:
        jobs: What it was asked to run, in order.
        batches: How many jobs came together.
    """

    def __init__(self) -> None:
        self.jobs: list[tuple[str, ...]] = []
        self.batches: list[int] = []

    def run_many(self, jobs: Sequence[Job]) -> list[RunResult]:
        self.batches.append(len(jobs))
        return [self.run(job) for job in jobs]

    def run(self, job: Job) -> RunResult:
        self.jobs.append(job.pieces)
        for k, piece in enumerate(job.pieces):
            for word, outcome in _OUTCOMES.items():
                if word in piece:
                    return RunResult(outcome, k, "ValueError" if word == "RAISE" else "")
            try:
                compile(piece, "<piece>", "exec")
            except SyntaxError:
                return RunResult(Outcome.ERROR, k, "SyntaxError")
        return RunResult(Outcome.OK, len(job.pieces))

    def close(self) -> None:
        pass


def fake() -> tuple[FakeSandbox, Any]:
    """A fake, and itself under the type that potentials want."""
    sandbox = FakeSandbox()
    return sandbox, cast(Sandbox, sandbox)
