"""The mask potential, base of `Grammar`, `Regex` and `JSONSchema`: a language as token masks."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from potentials.grammar.completion.narrowing import Narrowing
from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.matchers import GrammarState, Matchers
from potentials.grammar.scheduling import GrammarVerdict
from smc.errors import GrammarError, PotentialError
from smc.model import Vocabulary, mask_width, pack_mask
from smc.potential import TokenPotential, TokenScores

_LOG_ZERO = float("-inf")
_BOUND_AT_ONCE = 4

P = TypeVar("P", bound="MaskPotential")


class MaskPotential(TokenPotential[GrammarState]):
    """1 on the sentences of a language and their beginnings, 0 elsewhere.

    `prefix` is 0 where the text may begin a sentence and −inf elsewhere, `complete` is 0 where
    the text is a sentence and −inf elsewhere. Both work unbound; `token_scores` needs `bind`.
    Thread-safe. What was learnt about a text is kept (some 64 MB of mask rows a vocabulary).

    Near the end of its slots a text may go on only with tokens after which a sentence still fits
    in those that are left (`token_scores_within`). What is left out has weight zero already, for
    `complete` is −inf where no sentence was reached, whether the text is cut there or EOS forced;
    so the target is the same. What is proved and what is not: `completion.narrowing.Narrowing`.

    Args:
        source: The language as llguidance takes it, starting with `NO_FORCING`.
        limits: How much work one mask may cost before a `PotentialError`.
        max_threads: How many threads fill the masks of distinct texts; None: all cores, at most 8.

    Raises:
        GrammarError: The engine refuses the language, or it has no sentence.
    """

    _last_bytes: bytes | None = None  # those that a sentence can end with, where they are known
    _advice = ""  # what else to change where a limit is met

    def __init__(
        self, source: str, *, limits: MaskLimits | None = None, max_threads: int | None = None
    ) -> None:
        self._source = source
        self._limits = limits
        self._max_threads = max_threads
        self._bound: LRUCache[Vocabulary, MaskPotential] = LRUCache(_BOUND_AT_ONCE)
        self._masks: _TokenMasks | None = None
        self._narrowing: Narrowing | None = None
        self._matchers = self._compile(())
        root = self._judge([GrammarState()], rows=True)[0]
        assert root.row is not None
        # Without tokens the row has the bits of the 256 bytes, then that of the engine's own end.
        if not root.accepting and not np.any(root.row[:-1]):
            raise GrammarError(
                f"{self.name}: no text at all is a sentence of this language, so every particle "
                "would die at once. Give it at least one sentence."
            )

    def bind(self: P, vocabulary: Vocabulary) -> P:
        """Return this potential made ready for a vocabulary; the last few are kept."""
        bound = self._bound.get(vocabulary)
        if bound is None:
            bound = copy.copy(self)
            bound._matchers = self._compile(vocabulary.tokens)
            bound._masks = _TokenMasks(vocabulary)
            bound._narrowing = Narrowing(self._source, vocabulary, self.name)
            self._bound[vocabulary] = bound
        assert isinstance(bound, type(self))
        return bound

    def start(self) -> GrammarState:
        """Return the empty text."""
        return GrammarState()

    def advance(self, state: GrammarState, new_bytes: bytes) -> GrammarState:
        """Return the text with the bytes after it; the grammar is asked only later."""
        return GrammarState(state.text + new_bytes, len(state.text)) if new_bytes else state

    def prefix(self, state: GrammarState) -> float:
        """Return 0 if the text may begin a sentence, else −inf."""
        return self.batch_prefix([state])[0]

    def complete(self, state: GrammarState) -> float:
        """Return 0 if the text is a sentence, else −inf."""
        return self.batch_complete([state])[0]

    def batch_prefix(self, states: Sequence[GrammarState]) -> list[float]:
        """`prefix` of several texts, the distinct ones in parallel."""
        return [0.0 if v.viable else _LOG_ZERO for v in self._judge(states, rows=False)]

    def batch_complete(self, states: Sequence[GrammarState]) -> list[float]:
        """`complete` of several texts, the distinct ones in parallel."""
        return [0.0 if v.accepting else _LOG_ZERO for v in self._judge(states, rows=False)]

    def token_scores(self, states: Sequence[GrammarState]) -> TokenScores:
        """`[R, W]` masks: the tokens that may follow, and all EOS ids where the text is a sentence.

        Raises:
            PotentialError: Not bound to a vocabulary; or the engine failed or exceeded a limit.
        """
        if self._masks is None:
            raise PotentialError(
                f"{self.name}: asked for token masks but not bound to a vocabulary; call "
                "`bind(model.vocabulary)` first and use what it returns."
            )
        return TokenScores(mask=self._masks.of(self._judge(states, rows=True)))

    def token_scores_within(
        self, states: Sequence[GrammarState], slots: Sequence[int | None]
    ) -> TokenScores:
        """`token_scores`, without the tokens after which no sentence fits in the slots left.

        Raises:
            PotentialError: As of `token_scores`.
        """
        scores = self.token_scores(states)
        assert scores.mask is not None and self._narrowing is not None
        if all(left is None or left > self._narrowing.horizon for left in slots):
            return scores
        return TokenScores(
            mask=self._narrowing.narrow([s.text for s in states], slots, scores.mask)
        )

    def complete_after(self, state: GrammarState, texts: Sequence[bytes]) -> list[float]:
        """`complete` after each of many short texts, from the matcher that filled the mask."""
        values = [_LOG_ZERO] * len(texts)
        for i in self._accepted_after(state, texts):
            values[i] = 0.0
        return values

    def _accepted_after(self, state: GrammarState, texts: Sequence[bytes]) -> list[int]:
        """Return the indices of the texts after which a sentence ends."""
        last = self._last_bytes
        possible = [i for i, t in enumerate(texts) if last is None or not t or t[-1] in last]
        accepting = self._matchers.accepting_after(state, [texts[i] for i in possible])
        return [i for i, accepts in zip(possible, accepting, strict=True) if accepts]

    def _judge(self, states: Sequence[GrammarState], *, rows: bool) -> list[GrammarVerdict]:
        try:
            return self._matchers.judge(states, rows=rows)
        except PotentialError as error:
            if not self._advice:
                raise
            raise PotentialError(f"{error} {self._advice}") from error

    def _compile(self, tokens: tuple[bytes | None, ...]) -> Matchers:
        return Matchers(
            self._source,
            tokens,
            name=self.name,
            limits=self._limits,
            max_threads=self._max_threads,
        )


class _TokenMasks:
    """Turns verdicts into masks over a vocabulary's ids."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        eos = set(vocabulary.eos_ids)
        is_text = np.fromiter(
            (bool(b) and i not in eos for i, b in enumerate(vocabulary.tokens)),
            dtype=np.bool_,
            count=len(vocabulary),
        )
        self._width = mask_width(len(vocabulary))
        self._text = pack_mask(is_text)
        self._eos = vocabulary.eos_mask

    def of(self, verdicts: Sequence[GrammarVerdict]) -> NDArray[np.uint32]:
        """`[R, W]` masks of R verdicts that have rows."""
        out = np.empty((len(verdicts), self._width), dtype=np.uint32)
        for to, verdict in zip(out, verdicts, strict=True):
            assert verdict.row is not None
            np.bitwise_and(verdict.row[: self._width], self._text, out=to)
            if verdict.accepting:
                to |= self._eos
        return out
