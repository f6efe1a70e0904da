"""A cache of Earley matchers and their mask rows: many texts in, judged at once and in parallel.

A text's matcher is its parent's, advanced: copied where the parent has other users, handed over to
the last of them, and replayed from the root where there is none.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
from cachetools import LRUCache

from potentials.grammar import scheduling
from potentials.grammar.llguidance import BYTES, GrammarRoot, LexerSpentError
from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.scheduling import GrammarState, GrammarVerdict, HeldMatcher, Job
from potentials.grammar.states.mask_memo import MaskMemo, State
from smc.errors import SettingsError
from smc.model import mask_width

_LOOK_BACK_BYTES = 64  # how far behind a text's parent an ancestor's matcher is looked for
_CACHED_ROW_BYTES = 32 << 20  # by text, and as many by state
_CACHED_MATCHER_BYTES = 64 << 20
_MATCHER_BYTES = 8_000  # of a matcher at the empty text; measured, as is the next
_MATCHER_BYTES_PER_TEXT_BYTE = 100
_REFUEL_EVERY = 256  # bytes read without a mask; see `GrammarRoot.judge`
_REFUEL_EVERY_IN_NEED = 16
_SLOW_ROW_SECONDS = 2e-4  # where most take so long, it is worth to remember rows by state
_FEW_ROWS = 6  # the very first are slow in any grammar
_RECALLED_TEXTS = 4096
_ENDINGS = 512  # each of up to some hundred texts

T = TypeVar("T")


class Matchers:
    """Judges texts by one grammar on one vocabulary.

    Args:
        source: The grammar in llguidance's dialect, starting with `NO_FORCING`.
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
        limits: MaskLimits | None = None,
        max_threads: int | None = None,
    ) -> None:
        if max_threads is not None and max_threads < 1:
            raise SettingsError(f"max_threads: got {max_threads}, expected at least 1, or None.")
        self._source, self._tokens, self._name = source, tokens, name
        self._limits = limits or MaskLimits()
        self._words = mask_width(len(tokens) + BYTES + 1)
        self._threads = max_threads or min(8, scheduling.cores())
        self._roots: dict[int, GrammarRoot] = {}
        self._held: LRUCache[bytes, HeldMatcher] = LRUCache(_CACHED_MATCHER_BYTES, _matcher_bytes)
        self._known: LRUCache[bytes, GrammarVerdict] = LRUCache(_CACHED_ROW_BYTES, _verdict_bytes)
        self._memo: MaskMemo | None = None
        # How far back a matcher was made last, for texts whose rows were remembered.
        self._judged: LRUCache[bytes, int] = LRUCache(_RECALLED_TEXTS)
        # Which texts end a sentence after a state of the parser.
        self._endings: LRUCache[tuple[State | None, tuple[bytes, ...]], list[bool]] = LRUCache(
            _ENDINGS
        )
        self._seconds_per_row = 0.0
        self._rows = self._slow_rows = 0
        self._pool: ThreadPoolExecutor | None = None
        self._lock = threading.Lock()
        self._root(0)

    def judge(self, states: Sequence[GrammarState], *, rows: bool) -> list[GrammarVerdict]:
        """Judge texts, each distinct one once.

        Args:
            states: The texts.
            rows: Whether the verdicts need their mask rows. A row covers the tokens and, in the
                bits after them, anything; no more than its first V bits have a meaning.

        Raises:
            PotentialError: The engine failed, or a limit was exceeded.
        """
        with self._lock:
            verdicts: dict[bytes, GrammarVerdict] = {}
            jobs: dict[bytes, Job] = {}
            for state in states:
                known = self._known.get(state.text)
                if known is not None and (known.row is not None or not rows):
                    verdicts[state.text] = known
                elif state.text not in jobs and state.text not in verdicts:
                    recalled = self._recalled(state) if rows else None
                    if recalled is None:
                        jobs[state.text] = Job(state.text, self._nearest(state), state.parent)
                    else:
                        verdicts[state.text] = recalled
                        _keep(self._known, state.text, recalled)
                        before = state.text[: state.parent]
                        self._judged[state.text] = self._judged.get(before, state.parent)
            if jobs:
                self._run(list(jobs.values()), {s.text for s in states}, rows)
                for text, job in jobs.items():
                    assert job.verdict is not None
                    verdicts[text] = job.verdict
            return [verdicts[s.text] for s in states]

    def accepting_after(self, state: GrammarState, texts: Sequence[bytes]) -> list[bool]:
        """Return whether a text is a sentence with each of some further bytes.

        Raises:
            PotentialError: The engine failed, or a limit was exceeded.
        """
        with self._lock:
            alike = None if self._memo is None else self._memo.state_of(state.text)
            key = alike, tuple(texts)
            accepted = None if alike is None else self._endings.get(key)
            if accepted is None and (held := self._matcher_at(state)) is not None:
                accepted = self._root(held.group).accepting_after(held, texts)
        if accepted is None:
            longer = [GrammarState(state.text + t, len(state.text)) for t in texts]
            accepted = [verdict.accepting for verdict in self.judge(longer, rows=False)]
        if alike is not None:
            with self._lock:
                self._endings[key] = accepted
        return list(accepted)

    def _matcher_at(self, state: GrammarState) -> HeldMatcher | None:
        """The matcher of a text, made anew where there is none; None where no text is viable."""
        held = self._held.get(state.text)
        if held is not None:
            return held
        known = self._known.get(state.text)
        job = Job(state.text, self._nearest(state), state.parent)
        self._run([job], {state.text}, rows=False)
        if known is not None:
            _keep(self._known, state.text, known)  # with its row
        return job.held

    def _recalled(self, state: GrammarState) -> GrammarVerdict | None:
        """Return what another text with the same state has shown, where that is worth it."""
        if self._memo is None:
            if self._slow_rows < _FEW_ROWS or 2 * self._slow_rows < self._rows:
                return None
            self._memo = MaskMemo(self._source, self._name, _CACHED_ROW_BYTES)
        return self._memo.recall(state.text, state.parent)

    def _nearest(self, state: GrammarState) -> HeldMatcher | None:
        """Return the nearest matcher from which the text can be reached."""
        text, parent = state.text, state.parent
        furthest = max(0, parent - _LOOK_BACK_BYTES)
        judged = parent if self._memo is None else self._judged.get(text[:parent], parent)
        for length in itertools.chain((len(text), parent, judged), range(parent - 1, furthest, -1)):
            if (held := self._held.get(text[:length])) is not None:
                return held
        return None

    def _run(self, jobs: list[Job], wanted: set[bytes], rows: bool) -> None:
        """Do the jobs, and remember what they came to."""
        if rows:
            table = np.zeros((len(jobs), self._words), dtype=np.uint32)
            for job, row in zip(jobs, table, strict=True):
                job.row = row
        try:
            self._work(jobs, wanted, rows)
        except LexerSpentError:
            # It was spent by all that came before, perhaps: these texts may get along with a new
            # one, given fuel more often.
            self._forget_matchers()
            for job in jobs:
                job.base, job.group, job.copy = None, 0, True
            try:
                self._root(0).judge(jobs, _REFUEL_EVERY_IN_NEED)
            except BaseException:
                self._forget_matchers()
                raise
        except BaseException:
            # A failed matcher may have spoilt the lexer it shares: start afresh.
            self._forget_matchers()
            raise
        for job in jobs:
            assert job.verdict is not None
            _keep(self._known, job.text, job.verdict)
            if job.held is not None:
                _keep(self._held, job.text, job.held)
            if self._memo is not None:
                self._memo.learn(job.verdict)

    def _work(self, jobs: list[Job], wanted: set[bytes], rows: bool) -> None:
        """Do the jobs in as many threads as it is worth; wait for all of them."""
        worth = self._seconds_per_row * len(jobs) >= scheduling.WORTH_A_THREAD_SECONDS
        parallel = worth and min(self._threads, len(jobs)) > 1
        if parallel:
            shares = scheduling.share_out(jobs, self._threads, self._seconds_per_row)
        else:
            shares = _by_root(jobs)
        for text in _hand_over(shares, wanted):
            self._held.pop(text, None)
        work = [(self._root(share[0].group), share) for share in shares]
        # Of this thread, where it works alone: the machine may be busy with other things.
        clock = time.perf_counter if parallel else time.thread_time
        began = clock()
        if parallel:
            if self._pool is None:
                threads = self._threads - 1
                self._pool = ThreadPoolExecutor(threads, thread_name_prefix="masks")
            scheduling.in_threads(self._pool, work, _REFUEL_EVERY)
        else:
            for root, share in work:
                root.judge(share, _REFUEL_EVERY)
        if rows:
            threads = len(shares) if parallel else 1
            seconds = (clock() - began) * threads / len(jobs)
            old = self._seconds_per_row or seconds
            self._seconds_per_row = 0.8 * old + 0.2 * seconds
            self._rows += len(jobs)
            self._slow_rows += len(jobs) if seconds >= _SLOW_ROW_SECONDS else 0

    def _root(self, group: int) -> GrammarRoot:
        if group not in self._roots:
            self._roots[group] = GrammarRoot(self._source, self._tokens, self._limits, self._name)
        return self._roots[group]

    def _forget_matchers(self) -> None:
        self._roots.clear()
        self._held.clear()


def _by_root(jobs: list[Job]) -> list[list[Job]]:
    """Divide jobs by the root that their matcher was copied from."""
    shares: dict[int, list[Job]] = {}
    for job in jobs:
        job.group = job.base.group if job.base else 0
        shares.setdefault(job.group, []).append(job)
    return list(shares.values())


def _hand_over(shares: list[list[Job]], wanted: set[bytes]) -> list[bytes]:
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


def _matcher_bytes(held: HeldMatcher) -> int:
    return _MATCHER_BYTES + _MATCHER_BYTES_PER_TEXT_BYTE * len(held.text)


def _verdict_bytes(verdict: GrammarVerdict) -> int:
    return 100 + len(verdict.text) + (0 if verdict.row is None else verdict.row.nbytes)


def _keep(cache: LRUCache[bytes, T], text: bytes, value: T) -> None:
    """Remember what fits at all: a cache of bytes refuses a value that is larger than itself."""
    with contextlib.suppress(ValueError):
        cache[text] = value
