"""Requests of potentials: which text is asked about, how it has grown, and whom it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from smc.engine.prefix import PotentialState, Prefix
from smc.engine.stop_tokens import StopTable

if TYPE_CHECKING:
    from smc.engine.evaluator import PotentialEvaluator


@dataclass
class Cost:
    """What a potential has cost one problem: evaluations that were not remembered, and seconds."""

    calls: int = 0
    seconds: float = 0.0


class Request(NamedTuple):
    """One prefix that a potential is asked about.

    Attributes:
        prefix: The text.
        k: The place of the potential among its problem's.
        cost: Whom to charge.
        stops: What the problem's stop strings make of its tokens, where scores are asked.
        slots: How many more tokens of text there may be; see `TokenPotential.token_scores_within`.
    """

    prefix: Prefix
    k: int
    cost: Cost
    stops: StopTable | None = None
    slots: int | None = None


class Growth(NamedTuple):
    """One more token as a potential sees it.

    Attributes:
        before: The state without it.
        raw: The bytes of the whole text.
        new: Those of the token.
        text: What the token completed of the text.
        token: Its id; −1 where a text is read anew, without its tokens.
    """

    before: PotentialState
    raw: bytes
    new: bytes
    text: str
    token: int = -1


class Growing(NamedTuple):
    """A prefix that gets one more token.

    Attributes:
        evaluators: Of its problem.
        parent: The prefix.
        token: The token.
        new: The bytes that are text now.
        held: Those behind them that are held back.
    """

    evaluators: Sequence[PotentialEvaluator]
    parent: Prefix
    token: int
    new: bytes
    held: bytes = b""
