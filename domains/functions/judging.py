"""Judging in the sandbox: does the program of an answer run through tests it cannot see?"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from domains.functions.problem import FunctionProblem
from potentials.python.candidates import SandboxRunner
from potentials.sandbox import Job, Limits, RunResult, Sandbox

LIMITS = Limits(wall_seconds=60.0, cpu_seconds=6.0)
"""For one program with its tests: the processor time that S* gives a test, wherever it waits."""

Judged = tuple[FunctionProblem, str, Sequence[str]]
"""A problem, an answer to it, and the tests that judge."""


@lru_cache(maxsize=1)
def sandbox() -> Sandbox:
    """Return the sandbox of this domain; one for all problems."""
    return Sandbox(limits=LIMITS)


def runner() -> SandboxRunner:
    """Return the runner of programs that strategies take: inputs are calls."""
    return SandboxRunner(sandbox())


def judge(answers: Sequence[Judged], where: Sandbox | None = None) -> list[RunResult]:
    """Run the programs of answers, each with its tests, in parallel.

    Tests run in a process of their own, as those of `potentials.python.PythonTests`: no program
    decides that it has passed.

    Args:
        answers: The answers, each with its problem and its tests.
        where: The sandbox; None: that of the domain.

    Returns:
        What became of each; it passed if the result is `ok`.

    Raises:
        SandboxError: The sandbox is broken.
    """
    jobs = [_job(problem, text, tests) for problem, text, tests in answers]
    return (where or sandbox()).run_many(jobs)


def _job(problem: FunctionProblem, text: str, tests: Sequence[str]) -> Job:
    setup = (problem.setup,) if problem.setup else ()
    return Job((*setup, problem.program(text), "\n".join(tests)), setup=len(setup))
