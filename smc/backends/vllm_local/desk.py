"""Where a decoding's orders meet the engine's logits.

vLLM asks its logits processors once a step, in the process of the model. A decoding leaves an
`Order` at the desk before the step; the processor serves it with the step's logits: the draw of
`smc.proposals`, in torch, where the logits live. Token ids and log weights come back, nothing of
the vocabulary's size. The token to go on with is forced upon the engine by one infinite logit a
row: its greedy sampler takes it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from smc.backends.draws import draw_rows
from smc.backends.hf.warp import Head, Heads, Warp
from smc.errors import ModelError
from smc.model import DrawRequest, Draws, FloatArray, IntArray


@dataclass(frozen=True)
class Target:
    """What makes the target's logits of the model's; see `Head`."""

    warp: Warp
    size: int
    suppressed: IntArray

    def same(self, other: Target) -> bool:
        """Whether another makes just the same."""
        alike = self.warp == other.warp and self.size == other.size
        return alike and np.array_equal(self.suppressed, other.suppressed)


@dataclass(frozen=True)
class Order:
    """What to do with the logits of the next step.

    Attributes:
        decoding: The number of the decoding that orders; its logits are kept until it forgets
            them.
        rows: For each of its requests in the engine, the row of the decoding.
        plan: What to draw from its rows. Where that is nothing, the engine goes on as it likes.
        targets: Of the decoding's rows.
        which: `[R]` the index of each row's target.
    """

    decoding: int
    rows: Mapping[int, int]
    plan: DrawRequest
    targets: Sequence[Target]
    which: IntArray


@dataclass(frozen=True)
class Served:
    """What came of an order.

    Attributes:
        which: `[m]` the draws of the plan that were made: those from rows that were in the step.
        draws: `[m]` what was drawn; of no use where the engine then says that the row's prompt is
            not through yet.
    """

    which: IntArray
    draws: Draws


@dataclass
class _Step:
    """The warped logits of one step, which the engine's may share memory with."""

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
class _Kept:
    """A decoding's logits, of one step of the engine or several."""

    steps: list[_Step] = field(default_factory=list)
    where: dict[int, tuple[int, int]] = field(default_factory=dict)

    def add(self, logits: torch.Tensor, rows: Sequence[int]) -> _Step:
        self.where.update((row, (len(self.steps), place)) for place, row in enumerate(rows))
        self.steps.append(_Step(logits))
        return self.steps[-1]

    def logits(self, rows: Sequence[int]) -> torch.Tensor:
        """`[len(rows), V]`, copied."""
        found = [self.where[row] for row in rows]
        return torch.stack([self.steps[step].restored()[place] for step, place in found])


class Desk:
    """Takes an order, serves it when the logits come, and keeps them for further questions."""

    def __init__(self) -> None:
        self._order: Order | None = None
        self._served: Served | None = None
        self._error: Exception | None = None
        self._kept: dict[int, _Kept] = {}

    def place(self, order: Order) -> None:
        """Leave an order for the next step."""
        self._order, self._served, self._error = order, None, None

    def collect(self) -> Served | None:
        """Return what came of the order; None where no row of it was in the step.

        Raises:
            ModelError: The logits are not numbers.
            PotentialError: The plan's scores are not numbers.
        """
        self._order = None
        if self._error is not None:
            raise self._error
        return self._served

    @torch.inference_mode()
    def serve(self, logits: torch.Tensor, requests: Sequence[int]) -> torch.Tensor:
        """Serve the order with a step's logits; called by the logits processor.

        Args:
            logits: `[B, V]` the engine's own; may be written into.
            requests: `[B]` the request of each row; −1 where it is not a decoding's.

        Returns:
            The logits for the engine's sampler.
        """
        order = self._order
        if order is None:
            return logits
        places = [b for b, number in enumerate(requests) if number in order.rows]
        if not places:
            return logits
        rows = [order.rows[requests[b]] for b in places]
        everything = len(places) == len(logits)
        try:
            places_forced, tokens = self._serve(
                order, logits if everything else logits[places], rows
            )
        except Exception as error:  # raised by `collect`: an engine must not stop within a step
            self._error = error
            return logits
        at = places_forced if everything else np.asarray(places)[places_forced]
        index = torch.from_numpy(np.stack([at, tokens])).to(logits.device)
        logits[index[0], index[1]] = torch.inf
        return logits

    def redraw(self, decoding: int, plan: DrawRequest) -> Draws:
        """Draw once more from logits that were kept."""
        rows = np.unique(plan.rows)
        _, part = plan.part(rows)
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

    def _serve(
        self, order: Order, logits: torch.Tensor, rows: Sequence[int]
    ) -> tuple[IntArray, IntArray]:
        """Draw and keep; return the places to force, and the tokens to force there."""
        numbers = np.asarray(rows, dtype=np.int64)
        heads = [Head(t.warp, t.size, t.suppressed, logits.device) for t in order.targets]
        warped = Heads(tuple(heads), order.which[numbers])(logits)
        step = self._kept.setdefault(order.decoding, _Kept()).add(warped, rows)
        which, plan = order.plan.part(numbers)
        draws = draw_rows(step.logits, plan)
        self._served = Served(which, draws)
        places, first = np.unique(plan.rows, return_index=True)
        tokens = draws.tokens[first]
        alive = tokens >= 0
        step.force(places[alive], tokens[alive])
        return places[alive], tokens[alive]
