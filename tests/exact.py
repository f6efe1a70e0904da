"""A small world that can be enumerated, and the exact target in it.

Three tokens of text, of which one straddles the other two ("ab"), two EOS ids, an asymmetric model
with a hard zero, and potentials of each level with hard zeros, soft values and unequal lengths.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

import smc
from smc.backends.table import TableModel
from smc.model import Vocabulary, pack_mask
from smc.potential import AnyPotential, log_complete

MAX_TOKENS = 4
VOCABULARY = Vocabulary((b"a", b"b", b"ab", None, None), (3, 4))


@functools.cache
def next_probs(prefix: tuple[int, ...]) -> tuple[float, ...]:
    """An asymmetric function of the prefix; "b" never follows "ab"."""
    rng = np.random.default_rng([7, len(prefix), *prefix])
    row = rng.gamma((6.0, 5.0, 4.0, 3.0, 2.0))
    if prefix and prefix[-1] == 2:
        row[1] = 0.0
    return tuple(row / row.sum())


MODEL = TableModel(VOCABULARY, next_probs)


class NoTripleA(smc.TokenPotential[bytes]):
    """A mask: the text has no "aaa", and does not end in "aab"."""

    def start(self) -> bytes:
        return b""

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        return state + new_bytes

    def prefix(self, state: bytes) -> float:
        return -math.inf if b"aaa" in state else 0.0

    def complete(self, state: bytes) -> float:
        return -math.inf if state.endswith(b"aab") else self.prefix(state)

    def bind(self, vocabulary: Vocabulary) -> NoTripleA:
        bound = type(self)()
        bound.vocabulary = vocabulary
        return bound

    def token_scores(self, states: Sequence[bytes]) -> smc.TokenScores:
        allowed = [[self.allows(s, v) for v in range(len(self.vocabulary))] for s in states]
        return smc.TokenScores(mask=pack_mask(np.array(allowed)))

    def allows(self, state: bytes, token: int) -> bool:
        if token in self.vocabulary.eos_ids:
            return self.complete(state) == 0.0
        new = self.vocabulary.tokens[token]
        return bool(new) and self.prefix(self.advance(state, new)) == 0.0


class SoftLength(smc.TokenPotential[bytes]):
    """Log scores: each letter costs, "a" more than "b", and an empty text is worth little."""

    def start(self) -> bytes:
        return b""

    def advance(self, state: bytes, new_bytes: bytes) -> bytes:
        return state + new_bytes

    def prefix(self, state: bytes) -> float:
        return -0.4 * state.count(b"a") + 0.3 * state.count(b"b")

    def complete(self, state: bytes) -> float:
        return self.prefix(state) if state else -1.5

    def bind(self, vocabulary: Vocabulary) -> SoftLength:
        bound = type(self)()
        bound.vocabulary = vocabulary
        return bound

    def token_scores(self, states: Sequence[bytes]) -> smc.TokenScores:
        rows = [[self._score(s, v) for v in range(len(self.vocabulary))] for s in states]
        return smc.TokenScores(log_scores=np.array(rows, dtype=np.float32))

    def _score(self, state: bytes, token: int) -> float:
        if token in self.vocabulary.eos_ids:
            return self.complete(state) - self.prefix(state)
        new = self.vocabulary.tokens[token]
        return self.prefix(self.advance(state, new)) - self.prefix(state) if new else -math.inf


class Alternation(smc.IncrementalPotential[tuple[int, int]]):
    """Incremental and soft: counts the changes between "a" and "b"; more than three are fatal."""

    def start(self) -> tuple[int, int]:
        return (-1, 0)

    def advance(self, state: tuple[int, int], new_bytes: bytes) -> tuple[int, int]:
        last, changes = state
        for byte in new_bytes:
            changes += last not in (-1, byte)
            last = byte
        return last, changes

    def prefix(self, state: tuple[int, int]) -> float:
        return -math.inf if state[1] > 3 else -0.5 * state[1]

    def complete(self, state: tuple[int, int]) -> float:
        return -math.inf if state[1] > 3 else 0.8 * state[1]


class Judge(smc.Potential):
    """Opaque: a prefix is judged by its length and parity, "bb" is fatal, the end differs."""

    def prefix(self, text: str) -> float:
        return -math.inf if "bb" in text else 0.2 * len(text) - 0.6 * (len(text) % 2)

    def complete(self, text: str) -> float:
        return -math.inf if "bb" in text else math.log(0.2 + (text.count("a") % 3))


@dataclass(frozen=True)  # for its name in the ids of tests
class AfterB:
    """Boundary: the text now ends in "b" (so some texts never reach one)."""

    def start(self) -> None:
        return None

    def advance(self, state: None, text: str) -> tuple[None, bool]:
        return None, text.endswith("b")


def with_boundary(potential: AnyPotential, boundary: smc.Boundary | None) -> AnyPotential:
    """Return the potential, asked at a boundary."""
    potential.boundary = boundary
    return potential


def target(
    potentials: Sequence[AnyPotential],
    *,
    model: TableModel = MODEL,
    max_tokens: int = MAX_TOKENS,
    at_max_tokens: str = "end",
) -> dict[str, float]:
    """Return γ of every text with mass: p(text) · ∏ Φ(text), over all of its tokenisations."""
    gamma: dict[str, float] = {}
    for ids, prob in model.enumerate(max_tokens, truncated=at_max_tokens == "cut"):
        tokens = [model.vocabulary.tokens[i] for i in ids if i not in model.vocabulary.eos_ids]
        text = b"".join(b or b"" for b in tokens).decode()
        weight = prob * math.exp(sum(log_complete(p, text) for p in potentials))
        if weight > 0:
            gamma[text] = gamma.get(text, 0.0) + weight
    return gamma


def estimates(posteriors: Iterator[smc.Posterior], texts: Sequence[str]) -> np.ndarray:
    """`[runs, texts]`: each run's estimate Ẑ Σᵢ Wⁱ 1{xⁱ = text} of γ(text)."""
    index = {text: i for i, text in enumerate(texts)}
    rows = []
    for posterior in posteriors:
        row = np.zeros(len(texts))
        weights = np.exp(posterior.log_weights) / len(posterior.sequences)
        for sequence, weight in zip(posterior.sequences, weights, strict=True):
            if weight > 0:
                row[index[sequence.text]] += weight  # a KeyError is mass outside the target
        rows.append(row)
    return np.array(rows)


def z_scores(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return how many standard errors the mean of each column is from its expectation."""
    error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    return (found.mean(axis=0) - expected) / np.maximum(error, 1e-300)


def largest_z(found: np.ndarray, exact: np.ndarray, hits: int) -> float:
    """The largest |z| of `[runs, texts]` estimates, the rare texts taken together, and of Ẑ.

    Args:
        found: As `estimates` returns them.
        exact: `[texts]` what they are estimates of.
        hits: In how many runs a text must be found to stand for itself.
    """
    rare = (found > 0).sum(axis=0) < hits
    assert rare.sum() < len(exact) / 2
    columns = np.column_stack([found[:, ~rare], found[:, rare].sum(axis=1), found.sum(axis=1)])
    means = np.concatenate([exact[~rare], [exact[rare].sum(), exact.sum()]])
    return float(np.abs(z_scores(columns, means)).max())
