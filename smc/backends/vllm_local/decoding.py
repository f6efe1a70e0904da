"""The vLLM decoding: rows of token ids, each a running request of a vLLM engine.

A step of the engine draws from every row, and every row's request goes on with the first token
that was drawn from it. `advance` then finds the request of each new row: where (parent, token) is
what a request went on with, it is that one; otherwise (forks, second draws, held rows) the row has
none, and gets one when it is next stepped. The engine's prefix cache supplies the keys and values
of its blocks that are full, so that a fork costs at most a block of recomputed tokens. Requests
that no row has are aborted. `advance` begins the next step unless some row is held, so that what
the caller does before `draw` hides behind the forward pass.
"""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from smc.backends.hf.logits_transform import LogitsTransform, RowTransforms
from smc.backends.vllm_local.engine import Engine
from smc.backends.vllm_local.mailbox import StepRequest
from smc.errors import ModelError
from smc.model import HOLD, Decoding, DrawRequest, Draws, FloatArray, IntArray

_IDLE_STEPS = 1000
"""Steps without a token for any row, beside those that its prompt may need, that are too many."""


@dataclass(frozen=True, slots=True)
class _Ids:
    """Token ids that share what they have in common: a prompt, then one token a link."""

    before: _Ids | None
    tokens: tuple[int, ...]
    length: int

    def then(self, token: int) -> _Ids:
        return _Ids(self, (token,), self.length + 1)

    def as_list(self) -> list[int]:
        links: list[_Ids] = []
        link: _Ids | None = self
        while link is not None:
            links.append(link)
            link = link.before
        return [token for part in reversed(links) for token in part.tokens]


@dataclass(slots=True)
class _Row:
    """A row, its request if it has one, and the token that the request went on with, if any."""

    transform: LogitsTransform
    ids: _Ids
    engine_request: int = -1
    token: int = -1


class VLLMDecoding:
    """See `smc.model.Decoding`. Dropping it frees its requests before the engine's next step.

    Args:
        engine: Shared with the model's other decodings; only one of them runs in a step.
        transform: What makes the target's logits of the model's.
        size: V, the width of the logits.
        prompts: Row r continues `prompts[r]`.
    """

    def __init__(
        self,
        engine: Engine,
        transform: LogitsTransform,
        size: int,
        prompts: Sequence[tuple[int, ...]],
    ) -> None:
        self._engine = engine
        self._size = size
        self._number = engine.new_decoding()
        self._rows = [_Row(transform, _Ids(None, ids, len(ids))) for ids in prompts]
        self._known: set[int] = set()  # rows whose logits the mailbox keeps
        self._stepping: dict[int, int] = {}  # requests of the step that was begun, and their rows
        self._close = weakref.finalize(self, engine.abandon, self._number)

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`.

        Where the next step was begun already, the rows that join have one of their own, and the
        others then look up what they had in the prefix cache, as after a fork.
        """
        if not isinstance(other, VLLMDecoding) or other._engine is not self._engine:
            return False
        transforms = list(dict.fromkeys(row.transform for row in self._rows))
        for row in other._rows:
            same = (t for t in transforms if t.same(row.transform))
            self._rows.append(_Row(next(same, row.transform), row.ids))
        return True

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        old = self._rows
        new: list[_Row] = []
        taken: set[int] = set()
        for parent, token in zip(parents.tolist(), tokens.tolist(), strict=True):
            row = old[parent]
            held = token == HOLD
            # A held row can keep a request that has not gone on; another one that went its way.
            goes_on = row.engine_request >= 0 and row.token == (-1 if held else token)
            engine_request = (
                row.engine_request if goes_on and row.engine_request not in taken else -1
            )
            if engine_request >= 0:
                taken.add(engine_request)
            new.append(
                _Row(row.transform, row.ids if held else row.ids.then(token), engine_request)
            )
        self._engine.abort(
            r.engine_request for r in old if r.engine_request >= 0 and r.engine_request not in taken
        )
        self._rows = new
        self._known.clear()
        self._engine.mailbox.forget(self._number)
        # Held rows may not be drawn from, and would go on without; then `draw` says which are.
        if new and not (tokens == HOLD).any():
            self._begin(range(len(new)))

    def draw(self, request: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        if len(request.rows) == 0:
            return _no_draws(request)
        needed = set(request.rows.tolist())
        again = np.flatnonzero(np.isin(request.rows, list(needed & self._known)))
        draws = self._run(needed - self._known, request)
        if len(again):
            _write(draws, again, self._engine.mailbox.redraw(self._number, _only(request, again)))
        return draws

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`."""
        if not self._rows:
            return np.zeros((0, self._size))
        nothing = DrawRequest(np.zeros(0, np.int64), np.zeros(0))
        everything = range(len(self._rows))
        self._run(set(everything) - self._known, nothing)
        return self._engine.mailbox.log_probs(self._number, everything)

    def close(self) -> None:
        """Free all requests now; the decoding is of no use afterwards."""
        self._close()
        self._engine.abort([row.engine_request for row in self._rows])
        self._engine.mailbox.forget(self._number)

    def _run(self, rows: set[int], request: DrawRequest) -> Draws:
        """Step the engine until each of the rows has its logits; return what was drawn.

        One step does, unless prompts are too long for one, rows too many, or the KV cache too
        small, where vLLM preempts some. Rows that are done must not go on in a further step, so
        they lose their request.
        """
        drawn = _no_draws(request)
        waiting = set(rows)
        idle = _IDLE_STEPS + sum(self._rows[r].ids.length for r in waiting)
        while waiting:
            if not self._engine.is_stepping(self._number):
                self._begin(sorted(waiting))
            stepping = self._stepping
            step = self._engine.end(self._step_request(stepping, request))
            done = {stepping[n]: token for n, token in step.tokens.items()}
            for row, token in done.items():
                self._rows[row].token = token
            if step.result is not None:
                which, draws = step.result.which, step.result.draws
                if len(done) < len(stepping):  # some were not through their prompt
                    kept = np.flatnonzero(np.isin(request.rows[which], list(done)))
                    which, draws = which[kept], _taken(draws, kept)
                _write(drawn, which, draws)
            waiting -= done.keys()
            self._known |= done.keys()
            if waiting:
                self._engine.abort(self._rows[r].engine_request for r in done)
                idle = idle if done else idle - 1
                if idle <= 0:
                    raise ModelError(self._stuck(waiting))
        return drawn

    def _step_request(self, stepping: Mapping[int, int], request: DrawRequest) -> StepRequest:
        distinct = tuple(dict.fromkeys(row.transform for row in self._rows))
        place = {transform: i for i, transform in enumerate(distinct)}
        which = np.asarray([place[row.transform] for row in self._rows], dtype=np.int64)
        return StepRequest(self._number, stepping, request, RowTransforms(distinct, which))

    def _begin(self, rows: Sequence[int]) -> None:
        """Begin a step of some rows."""
        if len(rows) > self._engine.max_num_seqs:
            warnings.warn(
                # Without their number, so that it is said once.
                f"vLLM: more rows at once than max_num_seqs={self._engine.max_num_seqs}; they take "
                "turns, which is many times slower. Load the model with "
                "engine_args={'max_num_seqs': …} of at least the number of particles in a batch.",
                stacklevel=3,
            )
        self._stepping = {self._request(row): row for row in rows}
        self._engine.begin(self._number, self._stepping)

    def _request(self, row: int) -> int:
        """The request of a row that has not gone on, added where there is none."""
        state = self._rows[row]
        if state.token >= 0 or not self._engine.holds(state.engine_request):
            state.engine_request = self._engine.add(self._number, state.ids.as_list())
            state.token = -1
        return state.engine_request

    def _stuck(self, waiting: Iterable[int]) -> str:
        longest = max(self._rows[r].ids.length for r in waiting)
        return (
            f"vLLM: no token for any row in {_IDLE_STEPS} steps; the longest has {longest} tokens. "
            "Expected at least one row to fit the KV cache. Give it more memory "
            "(gpu_memory_utilization, or VLLM_CPU_KVCACHE_SPACE on a CPU), or fewer particles."
        )


def _only(request: DrawRequest, draws: IntArray) -> DrawRequest:
    """Some draws of a request."""
    return DrawRequest(
        request.rows[draws],
        request.uniforms[draws],
        request.mask,
        request.log_scores,
        request.temperature,
    )


def _no_draws(request: DrawRequest) -> Draws:
    """Draws to be written into."""
    size = len(request.rows)
    return Draws(np.full(size, -1, np.int64), np.full(size, -np.inf), np.full(size, -np.inf))


def _write(draws: Draws, where: IntArray, part: Draws) -> None:
    assert draws.log_probs is not None and part.log_probs is not None
    draws.tokens[where], draws.log_weights[where] = part.tokens, part.log_weights
    draws.log_probs[where] = part.log_probs


def _taken(draws: Draws, which: IntArray) -> Draws:
    assert draws.log_probs is not None
    return Draws(draws.tokens[which], draws.log_weights[which], draws.log_probs[which])
