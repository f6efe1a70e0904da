"""Step models and judges to test strategies with: one that can be enumerated, and scripted ones."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from potentials.boundaries import after
from smc.backends.table import TableModel
from smc.model import Prompt, Vocabulary
from smc.steps import Extension, Solution, TokenText
from smc.steps.token_steps import TokenSteps

# Letters, the mark of a step, a token with the mark in its middle, and the end.
VOCABULARY = Vocabulary((b"a", b"b", b".", b"a.", None), (4,))
MAX_TOKENS = 4


@functools.cache
def next_probs(prefix: tuple[int, ...]) -> tuple[float, ...]:
    """An asymmetric function of the tokens; "a." is drawn as one token or two."""
    rng = np.random.default_rng([11, len(prefix), *prefix])
    row = rng.gamma((3.0, 2.0, 5.0, 3.0, 3.0))
    if not prefix:
        row[4] = 0.0
    return tuple(row / row.sum())


MODEL = TableModel(VOCABULARY, next_probs)
MARK = after(".")


def steps_of(text: str) -> Solution:
    """Cut a text behind every mark."""
    parts = text.split(".")
    return tuple(p + "." for p in parts[:-1]) + ((parts[-1],) if parts[-1] else ())


def token_steps(**changes: object) -> TokenSteps:
    """A step model over the table."""
    options = {"max_tokens": MAX_TOKENS} | changes
    return TokenSteps(MODEL, MARK, **options)  # type: ignore[arg-type]


def rngs(seed: int, count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(s) for s in np.random.SeedSequence(seed).spawn(count)]


@dataclass
class Judge:
    """A judge from a function of the text so far; counts what it is asked."""

    value: Callable[[str], float]
    passes: int = 0
    tokens: int = 0
    asked: list[Solution] = field(default_factory=list)

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        self.passes += len(solutions)
        self.tokens += sum(len("".join(s)) for s in solutions)
        self.asked.extend(solutions)
        return [tuple(self.value("".join(s[: k + 1])) for k in range(len(s))) for s in solutions]


def uneven(text: str) -> float:
    """Scores that differ from step to step, none of them 0 or 1."""
    return 0.15 + 0.7 * ((len(text) * 3 + text.count("b") * 5 + text.count("a")) % 7) / 7


@dataclass
class Script:
    """A step model that gives what a function of (solution so far, uniform) says."""

    reply: Callable[[Solution, float], Extension]
    passes: int = 0
    calls: list[tuple[Solution, ...]] = field(default_factory=list)

    def extend(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
    ) -> list[Extension]:
        self.calls.append(tuple(solutions))
        extensions = [
            self.reply(s, 0.5 if temperature == 0 else float(r.random()))
            for s, r in zip(solutions, rngs, strict=True)
        ]
        self.passes += sum(e.num_tokens for e in extensions)
        return extensions


@dataclass
class TableSteps:
    """The steps of the table, drawn without a backend: many runs in little time."""

    max_tokens: int = MAX_TOKENS
    passes: int = 0

    def extend(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
    ) -> list[Extension]:
        return [self._extension(s, r) for s, r in zip(solutions, rngs, strict=True)]

    def _extension(self, solution: Solution, rng: np.random.Generator) -> Extension:
        ids = tuple(i for step in solution for i in step.tokens)  # type: ignore[attr-defined]
        drawn: tuple[int, ...] = ()
        while not drawn or drawn[-1] not in (2, 3, 4):
            if len(ids) + len(drawn) == self.max_tokens:
                break
            cdf = np.cumsum(next_probs(ids + drawn))
            drawn = (*drawn, int(np.searchsorted(cdf, rng.random() * cdf[-1], side="right")))
        self.passes += len(drawn)
        pieces = tuple((VOCABULARY.tokens[i] or b"").decode() for i in drawn)
        finished = drawn[-1:] == (4,)
        full = len(ids) + len(drawn) == self.max_tokens and not finished
        step = TokenText.of("".join(pieces), drawn, pieces)
        return Extension(step, finished, len(drawn), truncated=full)


def texts(max_tokens: int = MAX_TOKENS) -> dict[tuple[Solution, str], float]:
    """Return p of every (steps as drawn, text) that ends within the tokens."""
    probs: dict[tuple[Solution, str], float] = {}
    for ids, prob in MODEL.enumerate(max_tokens):
        if prob == 0:
            continue
        text = b"".join(VOCABULARY.tokens[i] or b"" for i in ids[:-1]).decode()
        key = steps_of(text), text
        probs[key] = probs.get(key, 0.0) + prob
    return probs


def log_product_of_odds(steps: Solution, value: Callable[[str], float]) -> float:
    values = [value("".join(steps[: k + 1])) for k in range(len(steps))]
    return sum(math.log(v / (1 - v)) for v in values)
