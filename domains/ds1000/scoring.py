"""The score of an answer: right or wrong, by the test harness of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from domains.ds1000.data import Ds1000Problem
from domains.ds1000.harness import parse_harness
from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox

LIMITS = Limits(wall_seconds=25.0, cpu_seconds=25.0, memory_bytes=4 << 30)
"""For all tests of one answer; the time is that of Loula et al. 2025 (arXiv:2504.13139)."""


@dataclass(frozen=True)
class AnswerVerdict:
    """What the tests showed.

    Attributes:
        correct: The answer passed all of them.
        cause: Why it did not, on one line; "" if it did.
    """

    correct: bool
    cause: str


@lru_cache(maxsize=4096)
def judge(
    problem: Ds1000Problem, text: str, sandbox: Sandbox, limits: Limits = LIMITS
) -> AnswerVerdict:
    """Run `test_execution` of the problem on an answer, and `test_string` where there is one.

    The tests run as the benchmark has them: in one interpreter with the answer, which could read
    what they expect and change what they compare. So the verdict is one on models that answer the
    question, and no wall against texts that are written to pass.

    Args:
        problem: With its harness, which is run as it stands.
        text: The answer, without an end marker.
        sandbox: With the versions that the harness was written for.
        limits: For all tests together.
    """
    calls = f"test_execution({text!r})\n"
    harness = parse_harness(problem.context)
    if harness.tests_text:
        calls += f"test_string({text!r})\n"
    quiet = "__import__('matplotlib').use('Agg')\n" if harness.plots else ""
    job = Job((quiet, problem.context, calls), limits=limits)
    return verdict(sandbox.run(job))


def verdict(result: RunResult) -> AnswerVerdict:
    """Return what a run of the tests says."""
    if result.outcome is Outcome.OK:
        return AnswerVerdict(correct=True, cause="")
    what = {
        Outcome.ERROR: f"{result.error}: {result.message}".rstrip(": "),
        Outcome.TIMEOUT: f"did not end within {result.seconds:.0f} s",
    }.get(result.outcome, f"{result.outcome}: {result.message}".rstrip(": "))
    return AnswerVerdict(correct=False, cause=" ".join(what.split()))
