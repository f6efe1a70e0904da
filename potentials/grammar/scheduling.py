"""Load balancing: which thread judges which text, and from which matcher it starts.

Copies of one matcher share a lock that is held while a mask is filled, so every thread works on
copies of a root of its own. All of this decides where and when work is done, never what comes out.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from llguidance import LLMatcher

    from potentials.grammar.llguidance import GrammarRoot

_REPLAY_SECONDS_PER_BYTE = 3e-6
WORTH_A_THREAD_SECONDS = 1e-3


@dataclass(frozen=True, slots=True)
class GrammarState:
    """The state of a grammar: the text so far. Equal texts are equal states.

    Attributes:
        text: All bytes so far.
        parent: Length of the text one step earlier, where a matcher may be waiting.
    """

    text: bytes = b""
    parent: int = field(default=0, compare=False)


class GrammarVerdict(NamedTuple):
    """What the grammar says of a text.

    Attributes:
        text: The text.
        viable: Whether the text may begin a sentence.
        accepting: Whether the text is a sentence.
        row: `[W]` packed mask of the tokens that may follow as text; None if not asked for.
    """

    text: bytes
    viable: bool
    accepting: bool
    row: NDArray[np.uint32] | None = None


@dataclass(slots=True, eq=False)
class HeldMatcher:
    """A matcher at some text, and the number of the root that it was copied from."""

    matcher: LLMatcher
    group: int
    text: bytes


@dataclass(slots=True, eq=False)
class Job:
    """One text to judge.

    Attributes:
        text: The text.
        base: A matcher at its beginning; None to start from a root.
        parent: Length of the text one step earlier.
        group: Number of the root that the thread works with.
        copy: Whether others still need the base.
        row: Where the mask goes, if one is wanted.
        viable_bytes: How many of its bytes were read.
        verdict: The answer.
        held: A matcher at the text, unless nothing can follow it.
    """

    text: bytes
    base: HeldMatcher | None = None
    parent: int = 0
    group: int = 0
    copy: bool = True
    row: NDArray[np.uint32] | None = None
    viable_bytes: int = 0
    verdict: GrammarVerdict | None = None
    held: HeldMatcher | None = None


def share_out(jobs: list[Job], threads: int, seconds_each: float) -> list[list[Job]]:
    """Divide jobs among threads; each group works on copies of one root.

    A job goes with the root of its matcher, or where there is room. To move it costs a replay of
    its text, which must be cheaper than its mask.

    Args:
        jobs: Distinct texts.
        threads: At most this many groups.
        seconds_each: What one of them took lately.
    """
    groups: list[list[Job]] = [[] for _ in range(threads)]
    for job in sorted(jobs, key=lambda job: (job.base is None, -len(job.text))):
        job.group = job.base.group if job.base else _shortest(groups)
        groups[job.group].append(job)
    most = -(-len(jobs) // threads)
    for group in groups:
        while len(group) > most and _replay_seconds(group[-1]) < seconds_each:
            job = group.pop()
            job.base, job.group = None, _shortest(groups)
            groups[job.group].append(job)
    return [group for group in groups if group]


def in_threads(
    pool: Executor, work: Sequence[tuple[GrammarRoot, list[Job]]], refuel_every: int
) -> None:
    """Do the first share here and the others in threads; wait for all of them."""
    waiting = [pool.submit(root.judge, share, refuel_every) for root, share in work[1:]]
    try:
        root, share = work[0]
        root.judge(share, refuel_every)
    finally:
        failures = [future.exception() for future in waiting]
    for failure in failures:
        if failure is not None:
            raise failure


def _replay_seconds(job: Job) -> float:
    return len(job.text) * _REPLAY_SECONDS_PER_BYTE


def _shortest(groups: list[list[Job]]) -> int:
    return min(range(len(groups)), key=lambda g: len(groups[g]))


def cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
