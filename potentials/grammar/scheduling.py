"""Load balancing: which thread judges which text, and from which matcher it starts.

Copies of one matcher share a lock that is held while a mask is filled, so every thread works on
copies of a root of its own. All of this decides where and when work is done, never what comes out.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from llguidance import LLMatcher

_REPLAY_SECONDS_PER_BYTE = 3e-6
WORTH_A_THREAD_SECONDS = 1e-3


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


def by_root(jobs: list[Job]) -> list[list[Job]]:
    """Divide jobs by the root that their matcher was copied from."""
    shares: dict[int, list[Job]] = {}
    for job in jobs:
        job.group = job.base.group if job.base else 0
        shares.setdefault(job.group, []).append(job)
    return list(shares.values())


def hand_over(shares: list[list[Job]], wanted: set[bytes]) -> list[bytes]:
    """Let the last user of each matcher have it, and the others copy it.

    Args:
        shares: Jobs that are done one after the other; no matcher is in two shares.
        wanted: Texts that are asked about themselves, whose matchers stay.

    Returns:
        The texts whose matchers were handed over.
    """
    last: dict[HeldMatcher, Job] = {}
    for share in shares:
        for job in share:
            if job.base is not None:
                last[job.base] = job
    gone: list[bytes] = []
    for base, job in last.items():
        # From one further back, texts whose rows were remembered may still start.
        needed = base.text in wanted or len(base.text) < job.parent
        job.copy = needed and base.text != job.text
        if not job.copy:
            gone.append(base.text)
    return gone


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
