"""The score of an answer: right or wrong, by the test harness of the benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from domains.ds1000.data import Ds1000Problem
from domains.ds1000.examining import shown, test
from domains.ds1000.harness import parse_harness
from domains.ds1000.program import whole
from domains.ds1000.statements import all_statements
from potentials.sandbox import Job, Limits, Outcome, RunResult, Sandbox

LIMITS = Limits(wall_seconds=25.0, cpu_seconds=25.0, memory_bytes=4 << 30)
"""For the test on one input; the time is that of Loula et al. 2025 (arXiv:2504.13139)."""


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
    """Run the tests of the problem on an answer, and those of its text where there are any.

    The program runs on each test input; what it comes to is compared in a process that it cannot
    reach, where alone the expected answers are: see `examining`.

    Args:
        problem: With its harness.
        text: The answer, without an end marker.
        sandbox: With the versions that the harness was written for.
        limits: For the program and the test on one input.
    """
    harness = parse_harness(problem.context)
    answer = harness.kept(text)
    jobs: list[Job] = []
    for case in range(1, harness.cases + 1):
        program = whole(harness, case, all_statements(answer), answer)
        pieces = (*shown(program, harness), test(harness, problem.context, case, text))
        jobs.append(Job(pieces, limits=limits, setup=0))
    verdicts = [verdict(result) for result in sandbox.run_many(jobs)]
    return next((v for v in verdicts if not v.correct), verdicts[0])


def verdict(result: RunResult) -> AnswerVerdict:
    """Return what a run of the tests says."""
    if result.outcome is Outcome.OK:
        return AnswerVerdict(correct=True, cause="")
    what = {
        Outcome.ERROR: f"{result.error}: {result.message}".rstrip(": "),
        Outcome.TIMEOUT: f"did not end within {result.seconds:.0f} s",
    }.get(result.outcome, f"{result.outcome}: {result.message}".rstrip(": "))
    return AnswerVerdict(correct=False, cause=" ".join(what.split()))
