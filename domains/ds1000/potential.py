"""The execution potential for DS-1000 (Loula et al. 2025): does it run on the test inputs?"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Callable, Sequence
from operator import itemgetter

from cachetools import LRUCache

from domains.ds1000.harness import Harness
from domains.ds1000.program import UNFINISHED, HarnessProgram, unfinished, whole
from domains.ds1000.statements import all_statements, answer_statements, finished_statements
from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox
from smc.errors import PotentialError
from smc.potential import Potential

_MEMO_BYTES = 4 << 20
"""Of program texts whose values are kept."""
_PATIENCE = 4
"""How much longer a program may take when it is run again, since the harness's own code failed."""
_WAITS = (Outcome.TIMEOUT, Outcome.KILLED, Outcome.OUTPUT)
"""Ends of an unfinished program that settle nothing: it is asked again once it is whole."""


class RunsOnInputs(Potential):
    """Keeps a text the beginning, and in the end the whole, of a program without exceptions.

    `prefix` runs the harness's code before the answer and the finished statements; `complete` runs
    the whole program up to its `result`. Each is run on every test input of the problem, and an
    exception on one of them is −inf. What is expected of the `result` is never looked at: the
    harness comes here without it. The statements that a longer program shares with a shorter one
    are not run again.

    An unfinished program that runs out of time, writes too much or crashes waits for its end; a
    whole one is −inf.

    Args:
        harness: Of the problem.
        sandbox: With the versions that the harness was written for.
        limits: For one program on one input; None: the sandbox's.

    Raises:
        PotentialError: When it is asked and the harness's own code fails.
    """

    def __init__(self, harness: Harness, sandbox: Sandbox, limits: Limits | None = None) -> None:
        self.harness = harness
        self.sandbox = sandbox
        self.limits = limits
        self.boundary = answer_statements()
        self._memo: LRUCache[bytes, tuple[float, int]]  # a log weight, and its key's characters
        self._memo = LRUCache(_MEMO_BYTES, itemgetter(1))
        self._lock = threading.Lock()

    def prefix(self, text: str) -> float:
        """Return −inf if the finished statements raise on one of the inputs."""
        return self.batch_prefix([text])[0]

    def complete(self, text: str) -> float:
        """Return −inf if the program raises on one of the inputs, or does not get to its end."""
        return self.batch_complete([text])[0]

    def batch_prefix(self, texts: Sequence[str]) -> list[float]:
        """`prefix` of several texts, in parallel."""
        indented = bool(self.harness.header)
        finished = [finished_statements(self.harness.kept(t), indented=indented) for t in texts]
        keys = ["\0".join(("p", *statements)) for statements in finished]
        makers = [lambda case, s=s: unfinished(self.harness, case, s) for s in finished]
        return self._values(keys, makers, _waits)

    def batch_complete(self, texts: Sequence[str]) -> list[float]:
        """`complete` of several texts, in parallel."""
        answers = [self.harness.kept(t) for t in texts]
        keys = [f"c\0{kept}" for kept in answers]
        makers = [
            lambda case, t=t: whole(self.harness, case, all_statements(t), t) for t in answers
        ]
        return self._values(keys, makers, _ends)

    def _values(
        self,
        keys: Sequence[str],
        makers: Sequence[Callable[[int], HarnessProgram]],
        good: Callable[[RunResult], bool],
    ) -> list[float]:
        """Return the value of each program, memoised; `good` judges a run on one input."""
        with self._lock:
            memo = {key: self._memo.get(_bytes(key)) for key in keys}
        known = {key: entry[0] for key, entry in memo.items() if entry is not None}
        fresh = {k: m for k, m in zip(keys, makers, strict=True) if k not in known}
        cases = range(1, self.harness.cases + 1)
        programs = [make(case) for make in fresh.values() for case in cases]
        results = iter(self._run(programs))
        for key in fresh:
            runs = [next(results) for _ in cases]
            known[key] = 0.0 if all(map(good, runs)) else -math.inf
        with self._lock:
            for key in fresh:
                if len(key) <= _MEMO_BYTES:
                    self._memo[_bytes(key)] = known[key], len(key)
        return [known[key] for key in keys]

    def _run(self, programs: Sequence[HarnessProgram]) -> list[RunResult]:
        jobs = [Job(p.pieces, limits=self.limits) for p in programs]
        results = self.sandbox.run_many(jobs)
        for i, (program, job, result) in enumerate(zip(programs, jobs, results, strict=True)):
            if result.outcome is not Outcome.OK and result.piece < program.given:
                results[i] = self._again(program, job)
        return results

    def _again(self, program: HarnessProgram, job: Job) -> RunResult:
        """Run a program whose given pieces failed once more, with more time for a busy machine."""
        limits = job.limits or self.sandbox.limits
        patient = dataclasses.replace(
            limits,
            wall_seconds=_PATIENCE * limits.wall_seconds,
            cpu_seconds=_PATIENCE * limits.cpu_seconds,
        )
        result = self.sandbox.run(dataclasses.replace(job, limits=patient))
        if result.outcome is not Outcome.OK and result.piece < program.given:
            raise PotentialError(
                f"ds1000: the harness's own code did not run ({result.outcome}, {result.error}: "
                f"{result.message}), before any of the answer; expected it to run in the "
                "environment of domains/ds1000/environment.txt. Make that anew: make ds1000-env"
            )
        return result


def _waits(result: RunResult) -> bool:
    """Whether an unfinished program may still become a good one."""
    stopped = result.outcome is Outcome.ERROR and result.error == UNFINISHED
    return result.outcome is Outcome.OK or stopped or result.outcome in _WAITS


def _ends(result: RunResult) -> bool:
    return result.outcome is Outcome.OK


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
