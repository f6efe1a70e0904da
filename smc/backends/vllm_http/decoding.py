"""Decoding behind a vLLM server: rows whose next tokens it has drawn ahead, each given out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from smc.backends.vllm_http.fields import Fields
from smc.backends.vllm_http.segments import Segment
from smc.errors import ModelError, SettingsError
from smc.model import HOLD, Decoding, DrawRequest, Draws, FloatArray, IntArray


class Server(Protocol):
    """Who is asked for segments; see `RemoteVLLM`."""

    segment: int

    def ask(self, wanted: Sequence[tuple[tuple[int, ...], Fields, int]]) -> list[Segment]:
        """Return a segment for each of these: prompt, what to draw behind it, how many tokens."""
        ...


@dataclass
class _Row:
    """A prompt, the text so far, and what was drawn ahead of it: each is given out once."""

    fields: Fields
    prompt: tuple[int, ...]
    text: tuple[int, ...]
    ahead: list[Segment]
    drawn: list[tuple[int, Segment]]


class RemoteDecoding:
    """Rows whose next tokens a server has drawn, or will be asked for."""

    def __init__(
        self,
        model: Server,
        fields: Fields,
        prompts: Sequence[tuple[int, ...]],
        eos_mask: NDArray[np.uint32],
    ) -> None:
        self._model = model
        self._eos_mask = eos_mask
        self._rows = [_Row(fields, prompt, (), [], []) for prompt in prompts]

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`: rows are those of one server as long as its model is this object."""
        if not isinstance(other, RemoteDecoding) or other._model is not self._model:
            return False
        self._rows = self._rows + other._rows
        return True

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        rows = []
        for parent, token in zip(parents.tolist(), tokens.tolist(), strict=True):
            row = self._rows[parent]
            if token == HOLD:
                rows.append(_Row(row.fields, row.prompt, row.text, row.ahead, []))
                row.ahead = []
                continue
            ahead = [rest for drawn, rest in row.drawn if drawn == token and rest.tokens]
            row.drawn = [(drawn, rest) for drawn, rest in row.drawn if drawn != token]
            rows.append(_Row(row.fields, row.prompt, (*row.text, token), ahead, []))
        self._rows = rows

    def draw(self, request: DrawRequest) -> Draws:
        """Draw tokens as the request says, as far as a server can.

        The server's constraint is in the proposal and in the weights; masks and scores of the
        request weigh what comes. Its uniforms seed the segments.

        Raises:
            SettingsError: The request has a proposal temperature.
        """
        if np.any(np.asarray(request.temperature) != 1):
            raise SettingsError(
                f"proposal: temperature={request.temperature}; a remote server draws from the "
                "model itself. Expected 1; the model has a temperature of its own: RemoteVLLM's."
            )
        owners = [self._rows[r] for r in request.rows.tolist()]
        given: list[Segment | None] = [row.ahead.pop(0) if row.ahead else None for row in owners]
        lacking = [m for m, segment in enumerate(given) if segment is None]
        wanted = [self._wanted(owners[m], request, m) for m in lacking]
        if wanted:
            asked = self._model.ask(wanted)
            for m, segment in zip(lacking, asked, strict=True):
                given[m] = segment
        tokens = np.empty(len(owners), dtype=np.int64)
        log_weights = np.empty(len(owners))
        for m, (row, segment) in enumerate(zip(owners, given, strict=True)):
            assert segment is not None
            tokens[m], log_weights[m] = segment.tokens[0], segment.log_weights[0]
            row.drawn.append((segment.tokens[0], segment.rest()))
        return Draws(tokens, log_weights + _log_scores(request, tokens))

    def _wanted(
        self, row: _Row, request: DrawRequest, m: int
    ) -> tuple[tuple[int, ...], Fields, int]:
        """What to ask for in the place of draw m.

        Only the request of the last slot says whether it must be an end, so nothing is drawn ahead
        up to there.
        """
        length, limit = len(row.text), row.fields.max_tokens
        ends = request.mask is not None and not np.any(
            request.mask[request.rows[m]] & ~self._eos_mask
        )
        fields = replace(
            row.fields,
            prompt=len(row.prompt),
            text=row.text,
            seed=int(request.uniforms[m] * (1 << 53)),
            cut=0 if ends else 1,
        )
        return row.prompt, fields, max(1, min(self._model.segment, limit - 1 - length))

    def log_probs(self) -> FloatArray:
        """Not to be had: a server does not send whole rows.

        Raises:
            ModelError: Always.
        """
        raise ModelError(
            "model: a remote server sends no rows of log probabilities; expected a model in this "
            "process. Use smc.load, or VLLMModel.load."
        )


def _log_scores(request: DrawRequest, tokens: IntArray) -> FloatArray:
    """`[M]` what a request's masks and scores say of tokens that were drawn without them."""
    log_scores = np.zeros(len(tokens))
    at = np.maximum(tokens, 0)
    if request.log_scores is not None:
        log_scores += request.log_scores[request.rows, at]
    if request.mask is not None:
        word = request.mask[request.rows, at // 32]
        allowed = (word >> (at % 32).astype(np.uint32)) & 1
        log_scores[allowed == 0] = -np.inf
    return log_scores
