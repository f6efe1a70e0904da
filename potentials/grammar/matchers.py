"""Texts in, mask rows out: many at once, in parallel, and remembered.

A text's matcher is its parent's, advanced: copied where the parent has other users, handed over to
the last of them, and replayed from the root where there is none.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from potentials.grammar.llguidance import BYTES, Limits, compile_matcher, read, stuck
from potentials.grammar.lru import Recent
from potentials.grammar.scheduling import Held, Job, Verdict, hand_over, share_out
from smc.errors import SettingsError
from smc.model import mask_width

if TYPE_CHECKING:
    from llguidance import LLMatcher

_LOOK_BACK_BYTES = 64  # how far behind a text's parent an ancestor's matcher is looked for
_CACHED_ROW_BYTES = 64 << 20
_CACHED_MATCHER_BYTES = 64 << 20
_MATCHER_BYTES = 8_000  # of a matcher at the empty text; measured, as is the next
_MATCHER_BYTES_PER_TEXT_BYTE = 100


@dataclass(frozen=True, slots=True)
class Prefix:
    """The state of a grammar: the text so far. Equal texts are equal states.

    Attributes:
        text: All bytes so far.
        parent: Length of the text one step earlier, where a matcher may be waiting.
    """

    text: bytes = b""
    parent: int = field(default=0, compare=False)

    def then(self, new_bytes: bytes) -> Prefix:
        """Return the state after further bytes."""
        return Prefix(self.text + new_bytes, len(self.text)) if new_bytes else self


class Matchers:
    """Judges texts by one grammar on one vocabulary.

    Args:
        source: The grammar in llguidance's dialect, starting with `masks.NO_FORCING`.
        tokens: `[V]` the bytes of each token; None for ids that are not text.
        name: How errors call the grammar.
        limits: How much work a grammar may cost.
        max_threads: How many threads may fill masks; None: one per available core, at most 8.

    Raises:
        GrammarError: llguidance refuses the grammar.
        SettingsError: `max_threads` is below 1.
    """

    def __init__(
        self,
        source: str,
        tokens: tuple[bytes | None, ...],
        *,
        name: str,
        limits: Limits | None = None,
        max_threads: int | None = None,
    ) -> None:
        if max_threads is not None and max_threads < 1:
            raise SettingsError(f"max_threads: got {max_threads}, expected at least 1, or None.")
        self._source, self._tokens, self._name = source, tokens, name
        self._limits = limits or Limits()
        self._words = mask_width(len(tokens) + BYTES + 1)
        self._threads = max_threads or min(8, _cores())
        self._roots: dict[int, LLMatcher] = {}
        self._held: Recent[Held] = Recent(_CACHED_MATCHER_BYTES)
        self._known: Recent[Verdict] = Recent(_CACHED_ROW_BYTES)
        self._seconds_per_row = 0.0
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._root(0)

    def judge(self, prefixes: Sequence[Prefix], *, rows: bool) -> list[Verdict]:
        """Judge texts, each distinct one once.

        Args:
            prefixes: The texts.
            rows: Whether the verdicts need their mask rows. A row covers the tokens and, in the
                bits after them, anything; no more than its first V bits have a meaning.

        Raises:
            PotentialError: The engine failed, or a limit was exceeded.
        """
        with self._lock:
            found: dict[bytes, Verdict] = {}
            jobs: dict[bytes, Job] = {}
            for prefix in prefixes:
                known = self._known.get(prefix.text)
                if known is not None and (known.row is not None or not rows):
                    found[prefix.text] = known
                elif prefix.text not in jobs:
                    jobs[prefix.text] = self._job(prefix)
            if jobs:
                self._run(list(jobs.values()), {p.text for p in prefixes}, rows)
                found.update((text, job.verdict) for text, job in jobs.items())
            return [found[p.text] for p in prefixes]

    def _job(self, prefix: Prefix) -> Job:
        """Find the nearest matcher from which the text can be reached."""
        text, parent = prefix.text, prefix.parent
        furthest = max(0, parent - _LOOK_BACK_BYTES)
        for length in (len(text), *range(parent, furthest, -1)):
            if (held := self._held.get(text[:length])) is not None:
                return Job(text, held, length)
        return Job(text)

    def _run(self, jobs: list[Job], wanted: set[bytes], rows: bool) -> None:
        """Do the jobs in as many threads as it is worth, and remember what they found."""
        if rows:
            table = np.zeros((len(jobs), self._words), dtype=np.uint32)
            for job, row in zip(jobs, table, strict=True):
                job.row = row
        groups = share_out(jobs, self._threads, self._seconds_per_row)
        for group in groups:
            for text in hand_over(group, wanted):
                self._held.drop(text)
            for job in group:
                job.base = job.base or Held(self._root(job.group), job.group)
        began = time.perf_counter()
        try:
            self._work(groups)
        except BaseException:
            # A failed matcher may have spoilt the lexer it shares: start afresh.
            self._roots.clear()
            self._held.clear()
            raise
        if rows:
            seconds = (time.perf_counter() - began) * len(groups) / len(jobs)
            old = self._seconds_per_row or seconds
            self._seconds_per_row = 0.8 * old + 0.2 * seconds
        for job in jobs:
            row_bytes = 4 * self._words if rows else 0
            self._known.keep(job.text, job.verdict, row_bytes + len(job.text) + 100)
            if job.held is not None:
                weight = _MATCHER_BYTES + _MATCHER_BYTES_PER_TEXT_BYTE * len(job.text)
                self._held.keep(job.text, job.held, weight)

    def _work(self, groups: list[list[Job]]) -> None:
        """Do the first group here and the others in threads; wait for all of them."""
        if len(groups) > 1 and self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads - 1, thread_name_prefix="masks")
        waiting = [self._pool.submit(self._do, g) for g in groups[1:]] if self._pool else []
        try:
            self._do(groups[0])
        finally:
            failures = [future.exception() for future in waiting]
        for failure in failures:
            if failure is not None:
                raise failure

    def _do(self, group: list[Job]) -> None:
        """Bring a matcher to each text and ask it; the slow parts let other threads run."""
        for job in group:
            assert job.base is not None
            matcher = job.base.matcher.deep_copy() if job.copy else job.base.matcher
            rest = job.text[job.base_length :]
            taken = read(matcher, rest, len(self._tokens))
            if stuck(matcher, job.text, self._name) or taken < len(rest):
                job.verdict = Verdict(False, False, job.row)
                continue
            accepting = matcher.is_accepting()
            if job.row is not None:
                matcher.unsafe_compute_mask_ptr(job.row.ctypes.data, job.row.nbytes)
            if stuck(matcher, job.text, self._name):
                accepting = False
                if job.row is not None:
                    job.row[:] = 0
            else:
                job.held = Held(matcher, job.base.group)
            job.verdict = Verdict(True, accepting, job.row)

    def _root(self, group: int) -> LLMatcher:
        if group not in self._roots:
            self._roots[group] = compile_matcher(
                self._source, self._tokens, self._limits, self._name
            )
        return self._roots[group]


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS
        return os.cpu_count() or 1
