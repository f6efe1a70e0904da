"""The mailbox between a decoding and vLLM's logits processor: a request a step, and its result.

vLLM asks its logits processors once a step, in the process of the model. A decoding posts a
`StepRequest` before the step; the processor answers it with the step's logits: the draw of
`smc.backends.draws`, in torch, where the logits live. Token ids and log weights come back, nothing
of the vocabulary's size. The token to go on with is forced upon the engine by one infinite logit a
row: its greedy sampler takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from smc.backends.draws import draw_rows
from smc.backends.hf.logits_transform import RowTransforms
from smc.errors import ModelError
from smc.model import DrawRequest, Draws, FloatArray, IntArray


@dataclass(frozen=True)
class StepRequest:
    """What to do with the logits of the next step.

    Attributes:
        decoding: The number of the decoding that asks; its logits are kept until it forgets
            them.
        rows: For each of its requests in the engine, the row of the decoding.
        draw: What to draw from its rows. Where that is nothing, the engine goes on as it likes.
        transforms: Of the logits of the decoding's rows.
    """

    decoding: int
    rows: Mapping[int, int]
    draw: DrawRequest
    transforms: RowTransforms


@dataclass(frozen=True)
class StepResult:
    """What came of a request.

    Attributes:
        which: `[m]` the draws of the request that were made: those from rows that were in the step.
        draws: `[m]` what was drawn; of no use where the engine then says that the row's prompt is
            not through yet.
    """

    which: IntArray
    draws: Draws


@dataclass
class _StepLogits:
    """The transformed logits of one step, which the engine's may share memory with."""

    logits: torch.Tensor
    forced: torch.Tensor | None = None
    values: torch.Tensor | None = None

    def force(self, places: IntArray, tokens: IntArray) -> None:
        """Remember what is about to be overwritten."""
        self.forced = torch.from_numpy(np.stack([places, tokens])).to(self.logits.device)
        self.values = self.logits[self.forced[0], self.forced[1]]

    def restored(self) -> torch.Tensor:
        if self.forced is not None and self.values is not None:
            self.logits[self.forced[0], self.forced[1]] = self.values
            self.forced = None
        return self.logits


@dataclass
class _KeptLogits:
    """A decoding's logits, of one step of the engine or several."""

    steps: list[_StepLogits] = field(default_factory=list)
    where: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, logits: torch.Tensor, rows: Sequence[int]) -> _StepLogits:
        self.where.update((row, (len(self.steps), place)) for place, row in enumerate(rows))
        self.steps.append(_StepLogits(logits))
        return self.steps[-1]

    def logits(self, rows: Sequence[int]) -> torch.Tensor:
        """`[len(rows), V]`, copied."""
        places = (self.where[row] for row in rows)
        return torch.stack([self.steps[step].restored()[place] for step, place in places])


class DrawMailbox:
    """Holds a request until its step's logits come, then its result, and keeps the logits."""

    def __init__(self) -> None:
        self._request: StepRequest | None = None
        self._result: StepResult | None = None
        self._error: Exception | None = None
        self._kept: dict[int, _KeptLogits] = {}

    def post(self, request: StepRequest) -> None:
        """Leave a request for the next step."""
        self._request, self._result, self._error = request, None, None

    def collect(self) -> StepResult | None:
        """Return what came of the request; None where no row of it was in the step.

        Raises:
            ModelError: The logits are not numbers.
            PotentialError: The request's scores are not numbers.
        """
        self._request = None
        if self._error is not None:
            raise self._error
        return self._result

    @torch.inference_mode()
    def answer(self, logits: torch.Tensor, requests: Sequence[int]) -> torch.Tensor:
        """Answer the request with a step's logits; called by the logits processor.

        Args:
            logits: `[B, V]` the engine's own; may be written into.
            requests: `[B]` the request of each row; −1 where it is not a decoding's.

        Returns:
            The logits for the engine's sampler.
        """
        request = self._request
        if request is None:
            return logits
        places = [b for b, number in enumerate(requests) if number in request.rows]
        if not places:
            return logits
        rows = [request.rows[requests[b]] for b in places]
        everything = len(places) == len(logits)
        try:
            places_forced, tokens = self._answer(
                request, logits if everything else logits[places], rows
            )
        except Exception as error:  # raised by `collect`: an engine must not stop within a step
            self._error = error
            return logits
        at = places_forced if everything else np.asarray(places)[places_forced]
        index = torch.from_numpy(np.stack([at, tokens])).to(logits.device)
        logits[index[0], index[1]] = torch.inf
        return logits

    def redraw(self, decoding: int, request: DrawRequest) -> Draws:
        """Draw once more from logits that were kept."""
        rows = np.unique(request.rows)
        _, part = request.part(rows)
        with torch.inference_mode():
            return draw_rows(self._kept[decoding].logits(rows.tolist()), part)

    def log_probs(self, decoding: int, rows: Sequence[int]) -> FloatArray:
        """`[len(rows), V]` log probabilities, from logits that were kept.

        Raises:
            ModelError: The logits are not numbers.
        """
        with torch.inference_mode():
            logits = self._kept[decoding].logits(rows)
            values = logits.double().log_softmax(-1).cpu().numpy()
        if np.isnan(values).any():
            bad = [rows[r] for r in np.flatnonzero(np.isnan(values).any(axis=1))]
            raise ModelError(
                f"model: the logits of rows {bad[:5]} hold NaN, +inf or no finite value; expected "
                "numbers. Check the weights and the dtype."
            )
        return values

    def forget(self, decoding: int) -> None:
        """Free a decoding's logits."""
        self._kept.pop(decoding, None)

    def _answer(
        self, request: StepRequest, logits: torch.Tensor, rows: Sequence[int]
    ) -> tuple[IntArray, IntArray]:
        """Draw and keep; return the places to force, and the tokens to force there."""
        numbers = np.asarray(rows, dtype=np.int64)
        transformed = request.transforms.take(numbers)(logits)
        step = self._kept.setdefault(request.decoding, _KeptLogits()).add(transformed, rows)
        which, part = request.draw.part(numbers)
        draws = draw_rows(step.logits, part)
        self._result = StepResult(which, draws)
        places, first = np.unique(part.rows, return_index=True)
        tokens = draws.tokens[first]
        alive = tokens >= 0
        step.force(places[alive], tokens[alive])
        return places[alive], tokens[alive]
