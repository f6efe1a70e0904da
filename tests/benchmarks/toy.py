"""A small domain for the tests of the benchmark runner, and a model to go with it.

Environment variables make it misbehave: `TOY_KILL_AT=ITEM` kills the process, with no chance to
tidy up, when an answer to that item is scored; `TOY_PROMPT=TEXT` begins every prompt with a text,
as other data would.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domains.base import Item, checked_weights
from smc.backends.table import TableModel
from smc.potential import AnyPotential
from tests.exact import MAX_TOKENS, MODEL, Judge, NoTripleA

COUNT = 7


@dataclass(frozen=True)
class ToyTask:
    """Short strings of "a" and "b" are good ones."""

    name = "toy"
    primary = "short"
    stop = ()
    max_tokens = MAX_TOKENS

    def items(self, limit: int | None = None, data: Path | None = None) -> list[Item]:
        first = os.environ.get("TOY_PROMPT", "")
        numbers = range(COUNT if limit is None else min(limit, COUNT))
        return [Item(f"toy-{i}", first + "ab" * i) for i in numbers]

    def cheap(self, item: Item) -> list[AnyPotential]:
        return [NoTripleA()]

    def expensive(self, item: Item) -> list[AnyPotential]:
        return [Judge()]

    def score(self, item: Item, text: str) -> dict[str, float]:
        if os.environ.get("TOY_KILL_AT") == item.id:
            os.kill(os.getpid(), signal.SIGKILL)
        share = {"share_of_a": text.count("a") / len(text)} if text else {}
        return {"short": 1 / (1 + len(text)), "letters": float(len(text))} | share

    def population_scores(
        self, item: Item, texts: Sequence[str], weights: Sequence[float]
    ) -> dict[str, float]:
        checked_weights(texts, weights)
        kept = [t for t, w in zip(texts, weights, strict=True) if w > 0]
        return {"distinct": len(set(kept)) / len(kept)} if kept else {}


def model() -> TableModel:
    """The random model of the exactness tests; its answer depends on the prompt."""
    return MODEL
