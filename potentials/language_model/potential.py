"""A language model as a potential: products, mixtures, contrasts and powers of models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from potentials.language_model.rows import Path, PathRows
from smc.errors import PotentialError, SettingsError
from smc.model import FloatArray, LanguageModel, Prompt, Vocabulary
from smc.potential import TokenScores, TokenSequencePotential
from smc.vocabulary import shared_vocabulary


@dataclass(frozen=True)
class Expert:
    """A language model and what it reads before the text.

    Attributes:
        model: Of the run's vocabulary; the run's own model may be one.
        prompt: As in `smc.sample`.
    """

    model: LanguageModel
    prompt: Prompt


class Combination(Protocol):
    """Makes one log weight of what several experts say of a text."""

    def __call__(self, log_probs: FloatArray) -> FloatArray:
        """`[..., K]` log probabilities of the experts to `[...]` log weights."""
        ...


@dataclass(frozen=True)
class TokenPath:
    """The tokens of a text and what the experts say of them.

    Attributes:
        tokens: Their ids; they alone tell states apart.
        log_probs: `[K]` log p of them, under each expert.
    """

    tokens: Path
    log_probs: tuple[float, ...] = field(compare=False)


class ModelPotential(TokenSequencePotential[TokenPath]):
    """Φ(x) = f(q₁(x), …, q_K(x)), with q_k the probability of the tokens of x under an expert.

    The score of a token v after x is the ratio f(x v) / f(x): that of the conditionals of the
    target p·Φ. All ids that end a text are one event, whose probability is the sum of theirs. A
    text that no such id ended (cut at `max_tokens`, or by a stop string of several tokens) is
    weighed by its tokens, under the experts as under the model.

    Every expert's rows are one batch a step; those of one model with several prompts share it, and
    what their prompts share is read once. A step costs one pass more for each further model.

    Tokens are weighed, not bytes: experts must have the run's vocabulary.

    Args:
        experts: K of them.
        combination: f, on logs.
        max_tokens: How many tokens may follow an expert's prompt in its context.

    Raises:
        VocabularyError: When it is bound, an expert's vocabulary is not the run's.
        PotentialError: A score is not below infinity: where a probability of zero is divided by.
    """

    def __init__(
        self, experts: Sequence[Expert], combination: Combination, *, max_tokens: int = 64
    ) -> None:
        self.experts = tuple(experts)
        self.combination = combination
        self.max_tokens = max_tokens
        for expert in self.experts:
            if not callable(getattr(expert.model, "start", None)):
                raise SettingsError(
                    f"{self.name}: {expert.model!r} is no language model; expected one such as "
                    "smc.load returns."
                )
        self._rows: list[tuple[list[int], PathRows]] = []
        self._vocabulary: Vocabulary | None = None
        self._known: dict[Path, FloatArray] = {}

    def bind(self, vocabulary: Vocabulary) -> ModelPotential:
        """Return this potential with rows of its own, for a run over a vocabulary."""
        bound = type(self)(self.experts, self.combination, max_tokens=self.max_tokens)
        together: dict[int, list[int]] = {}
        for k, expert in enumerate(self.experts):
            together.setdefault(id(expert.model), []).append(k)
        for own in together.values():
            model = self.experts[own[0]].model
            fitted = shared_vocabulary(vocabulary, model.vocabulary, self.name, "the expert")
            prompts = [self.experts[k].prompt for k in own]
            bound._rows.append((own, PathRows(model, prompts, fitted, self.max_tokens)))
        bound._vocabulary = vocabulary
        return bound

    def start(self) -> TokenPath:
        """Return the empty text, which is certain to all."""
        return TokenPath((), (0.0,) * len(self.experts))

    def advance(self, state: TokenPath, new_bytes: bytes) -> TokenPath:
        """Read bytes as the longest tokens that spell them; the engine reads tokens instead."""
        for token in self._bound.longest_tokens(new_bytes):
            state = self.advance_token(state, token)
        return state

    def advance_token(self, state: TokenPath, token: int) -> TokenPath:
        """Return the path with one more token."""
        if state.tokens not in self._known:
            self._read([state.tokens])
        row = self._known[state.tokens][:, token]
        log_probs = (total + float(p) for total, p in zip(state.log_probs, row, strict=True))
        return TokenPath((*state.tokens, token), tuple(log_probs))

    def prefix(self, state: TokenPath) -> float:
        """Return log f of the tokens so far."""
        return float(self.combination(np.asarray(state.log_probs)))

    def complete(self, state: TokenPath) -> float:
        """Return log f of the tokens and an end."""
        (scores,) = self._scores([state])
        return self.prefix(state) + float(scores[self._bound.eos_ids[0]])

    def token_scores(self, states: Sequence[TokenPath]) -> TokenScores:
        """`[R, V]` log f(x v) − log f(x)."""
        return TokenScores(log_scores=self._scores(states).astype(np.float32))

    def _scores(self, states: Sequence[TokenPath]) -> FloatArray:
        self._read([s.tokens for s in states])
        now = np.asarray([s.log_probs for s in states])
        nexts = np.stack([self._known[s.tokens] for s in states])  # [R, K, V]
        with np.errstate(invalid="ignore"):
            after = self.combination(np.moveaxis(nexts + now[:, :, None], 1, -1))
            scores = after - self.combination(now)[:, None]
        scores[:, self._bound.suppressed] = -np.inf
        if not np.all(scores < np.inf):  # NaN is not
            r, v = np.argwhere(~(scores < np.inf))[0]
            raise PotentialError(
                f"{self.name}: after the tokens {states[r].tokens[-5:]}, token {v} has the score "
                f"{scores[r, v]}; expected a number or −inf. An expert gives it probability zero, "
                "and is divided by: load that model without top_p and top_k."
            )
        return scores

    def _read(self, paths: Sequence[Path]) -> None:
        """Know what all experts say after each of these paths, and forget other paths."""
        if all(path in self._known for path in paths):
            return
        distinct = list(dict.fromkeys(paths))
        size = len(self._bound)
        every = np.full((len(distinct), len(self.experts), size), -np.inf)
        for own, rows in self._rows:
            log_probs = rows.log_probs(distinct)[:, :, :size]
            every[:, own, : log_probs.shape[2]] = log_probs
        ends = list(self._bound.eos_ids)
        every[:, :, ends] = np.logaddexp.reduce(every[:, :, ends], axis=2, keepdims=True)
        self._known = dict(zip(distinct, every, strict=True))

    @property
    def _bound(self) -> Vocabulary:
        assert self._vocabulary is not None, "the engine binds a token potential before it is asked"
        return self._vocabulary
