"""The table model: a language model small enough to enumerate, the oracle of exactness tests.

p(next token | prefix) is a function of the prefix, tabulated or computed. Everything else is as
in the large backends, the draw included.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from smc.backends.draws import draw_rows
from smc.errors import ModelError, PromptError
from smc.model import HOLD, Decoding, DrawRequest, Draws, FloatArray, IntArray, Prompt, Vocabulary

if TYPE_CHECKING:
    from smc.backends.hf.logits_transform import SamplingOptions

NextProbs = Callable[[tuple[int, ...]], Sequence[float]]
"""From the token ids so far, prompt included, to `[V]` probabilities that sum to 1."""


@dataclass(frozen=True, repr=False)
class TableModel:
    """A model given by its conditional probabilities.

    Attributes:
        vocabulary: Tokens and EOS ids.
        next_probs: `[V]` next-token probabilities of a prefix.
        options: Temperature, top_k and top_p, applied to them; None changes nothing.

    Example:
        >>> model = TableModel.constant({"a": 0.5, "b": 0.25}, eos=0.25)
        >>> round(sum(p for _, p in model.enumerate(max_tokens=3)), 3)
        0.578
    """

    vocabulary: Vocabulary
    next_probs: NextProbs
    options: SamplingOptions | None = None

    @classmethod
    def constant(cls, probs: Mapping[str, float], eos: float) -> TableModel:
        """Return the model that draws every token from the same distribution."""
        tokens = (*(t.encode() for t in probs), None)
        row = (*probs.values(), eos)
        return cls(Vocabulary(tokens, (len(probs),)), lambda prefix: row)

    def with_sampling(
        self,
        temperature: float | None = None,
        top_p: float | None = None,
        top_k: int | None = None,
    ) -> TableModel:
        """Return the same network with other options; see `AdjustableModel.with_sampling`."""
        from smc.backends.hf.logits_transform import SamplingOptions

        options = (self.options or SamplingOptions()).changed(temperature, top_p, top_k)
        return replace(self, options=options)

    def __repr__(self) -> str:
        options = "" if self.options is None else self.options.shown()
        return f"TableModel({len(self.vocabulary)} tokens{options})"

    def tokenize(self, text: str) -> tuple[int, ...]:
        """Return the longest tokens that fit a text, one after another."""
        return self._encode(text)

    def start(
        self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int
    ) -> TableDecoding:
        """Start one row for each prompt; see `LanguageModel.start`."""
        return TableDecoding(self, vocabulary, [self._encode(p) for p in prompts])

    def probs(self, prefix: tuple[int, ...], vocabulary: Vocabulary) -> FloatArray:
        """`[V]` p(next token | prefix): ids outside the vocabulary are outside the model.

        Args:
            prefix: Token ids so far, prompt included.
            vocabulary: The model's own, or that with further EOS ids.

        Raises:
            ModelError: `next_probs` does not give a number for each id of the vocabulary.
        """
        given = self.next_probs(prefix)
        try:
            probs = np.array(given, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"TableModel: next_probs gave {given!r:.200} after {prefix}; expected "
                f"{len(vocabulary)} probabilities."
            ) from error
        if probs.shape != (len(vocabulary.tokens),):
            raise ModelError(
                f"TableModel: next_probs gave {probs.shape} numbers after {prefix}; expected "
                f"({len(vocabulary)},), one for each id of the vocabulary."
            )
        outside = probs[vocabulary.suppressed].sum()
        if outside > 0:
            probs[vocabulary.suppressed] = 0
            probs /= probs.sum()
        return probs if self.options is None else self._transformed(probs, self.options)

    def enumerate(
        self, max_tokens: int, prefix: tuple[int, ...] = (), *, truncated: bool = False
    ) -> Iterator[tuple[tuple[int, ...], float]]:
        """Yield every sequence of at most `max_tokens` tokens that ends in EOS, with p(x).

        Args:
            max_tokens: The end included.
            prefix: The prompt's token ids.
            truncated: Whether to yield those that have as many tokens and no end, too: then all
                of it is 1.
        """
        begun = [((), 1.0)]
        for _ in range(max_tokens):
            longer = []
            for ids, prob in begun:
                for token, p in enumerate(self.probs(prefix + ids, self.vocabulary).tolist()):
                    if token in self.vocabulary.eos_ids:
                        yield (*ids, token), prob * p
                    elif p > 0:
                        longer.append(((*ids, token), prob * p))
            begun = longer
        if truncated:
            yield from begun

    def _transformed(self, probs: FloatArray, options: SamplingOptions) -> FloatArray:
        """What a backend does to logits, done to `[V]` probabilities in the same order."""
        import torch

        with np.errstate(divide="ignore"):
            logits = torch.from_numpy(np.log(probs))[None]
        return options.apply(logits).softmax(-1)[0].numpy()

    def _encode(self, prompt: Prompt) -> tuple[int, ...]:
        """Token ids as they are; text by greedy longest match."""
        if not isinstance(prompt, str):
            if all(isinstance(i, int | np.integer) for i in prompt):
                return tuple(int(i) for i in prompt)  # type: ignore[arg-type]
            raise PromptError("TableModel takes text or token ids, not chat messages.")
        ids, rest = [], prompt.encode()
        by_length = sorted(
            ((b, i) for i, b in enumerate(self.vocabulary.tokens) if b), key=lambda t: -len(t[0])
        )
        while rest:
            match = next(((b, i) for b, i in by_length if rest.startswith(b)), None)
            if match is None:
                raise PromptError(f"TableModel: no token begins the prompt's rest {rest!r}.")
            ids.append(match[1])
            rest = rest[len(match[0]) :]
        return tuple(ids)


class TableDecoding:
    """Rows of a `TableModel`: nothing but their token ids."""

    runs_ahead = True

    def __init__(
        self, model: TableModel, vocabulary: Vocabulary, rows: list[tuple[int, ...]]
    ) -> None:
        self._model = model
        self._vocabulary = vocabulary
        self._rows = rows

    def join(self, other: Decoding) -> bool:
        """See `Decoding.join`."""
        if not isinstance(other, TableDecoding) or other._model is not self._model:
            return False
        if not np.array_equal(other._vocabulary.suppressed, self._vocabulary.suppressed):
            return False
        self._rows = self._rows + other._rows
        return True

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        """See `Decoding.advance`."""
        self._rows = [
            self._rows[p] if t == HOLD else (*self._rows[p], int(t))
            for p, t in zip(parents, tokens, strict=True)
        ]

    def extend(self, parents: IntArray, tokens: IntArray) -> FloatArray:
        """See `BlockDecoding.extend`."""
        block = np.zeros(tokens.shape)
        self.advance(parents, np.full(len(parents), HOLD))
        stay = np.arange(len(parents))
        for column, log_probs in zip(tokens.T, block.T, strict=True):
            grown = column != HOLD
            log_probs[grown] = self.log_probs()[grown, column[grown]]
            self.advance(stay, column)
        return block

    def draw(self, request: DrawRequest) -> Draws:
        """See `Decoding.draw`."""
        import torch

        return draw_rows(torch.from_numpy(self.log_probs().astype(np.float32)), request)

    def log_probs(self) -> FloatArray:
        """See `Decoding.log_probs`."""
        known = {row: r for r, row in enumerate(dict.fromkeys(self._rows))}
        probs = np.zeros((len(known), len(self._vocabulary.tokens)))
        for row, r in known.items():
            probs[r] = self._model.probs(row, self._vocabulary)
        with np.errstate(divide="ignore"):
            return np.log(probs)[[known[row] for row in self._rows]]
