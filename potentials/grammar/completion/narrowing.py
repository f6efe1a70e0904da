"""Narrowing of masks: near the end of the slots, only tokens after which a sentence still fits."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Sequence

import numpy as np
from cachetools import LRUCache
from numpy.typing import NDArray

from potentials.grammar.completion.byte_grammar import ByteGrammar, UnreadableError, read
from potentials.grammar.completion.earley import Recogniser, TooManyStatesError
from potentials.grammar.completion.shortest import Completions, SearchLimits
from potentials.grammar.completion.token_trie import TokenTrie
from smc.model import Vocabulary, pack_mask

_SLACK_BYTES = 8
_KEPT_BYTES = 32 << 20
_KEPT_TEXTS = 4096

Mask = NDArray[np.uint32]


class Narrowing:
    """The tokens of a vocabulary after which a sentence of a grammar still fits.

    Proved: a token is taken away only if no sentence at all is reached in the slots left. The
    search runs over a language that holds the grammar's (its context-free grammar over bytes,
    without the lexer's longest match), and over every way to split a text into tokens, so what is
    missing there is missing in the grammar. What the search cannot settle within its limits stays.

    Heuristic: that all which stays can be finished. A token may stay because the search gave up,
    because only the larger language has a sentence that near, or because the end seemed too far
    off to look. A state is looked at once the slots left are fewer than its shortest completion
    and what one token may add to it, in bytes: as many as the grammar's longest symbol needs at
    least, and a few. Of a vocabulary that has every byte, and so has longer tokens too, two bytes
    count as a token. So steps far from the end cost nothing.

    Args:
        source: The grammar in llguidance's dialect.
        vocabulary: Of the model.
        name: How warnings call the grammar.
        limits: How much work one mask may be.
    """

    def __init__(
        self, source: str, vocabulary: Vocabulary, name: str, limits: SearchLimits | None = None
    ) -> None:
        self._source, self._vocabulary, self._name = source, vocabulary, name
        self._limits = limits
        self._lock = threading.Lock()
        self._masks: LRUCache[tuple[int, int], Mask | None]
        self._masks = LRUCache(_KEPT_BYTES, lambda m: 100 + (0 if m is None else m.nbytes))
        self._states: LRUCache[bytes, int] = LRUCache(_KEPT_TEXTS)
        self._size = len(vocabulary)
        self._begun = False
        self._recogniser: Recogniser | None = None
        self._growth = 0
        self._horizon = 0
        self._every_byte = False

    def narrow(self, texts: Sequence[bytes], slots: Sequence[int | None], masks: Mask) -> Mask:
        """Return masks without the tokens after which no sentence fits.

        Args:
            texts: `[R]` so far.
            slots: `[R]` how many more tokens of text each may have; None: no bound.
            masks: `[R, W]` the tokens that the grammar allows; EOS ids stay as they are.
        """
        near = [r for r, left in enumerate(slots) if left is not None]
        if not near:
            return masks
        with self._lock:
            if not self._begun:
                self._begin()
            out = masks
            for r in near:
                left = slots[r]
                assert left is not None
                if self._recogniser is None or left > self._horizon:
                    continue
                removed = self._removed(texts[r], left, masks[r])
                if removed is not None:
                    out = masks.copy() if out is masks else out
                    out[r] &= ~removed
            return out

    def _begin(self) -> None:
        """Read the grammar, when it is first needed."""
        self._begun = True
        try:
            grammar = read(self._source)
        except UnreadableError as error:
            self._give_up(f"the grammar {error}")
            return
        self._growth = _longest_symbol(grammar) + _SLACK_BYTES
        vocabulary, ends = self._vocabulary, self._vocabulary.eos_set
        texts = [None if i in ends else t for i, t in enumerate(vocabulary.tokens)]
        last = [t if t and t[-1] in grammar.last_bytes else None for t in texts]
        self._is_text = pack_mask(np.array([bool(t) for t in texts]))
        self._recogniser = Recogniser(grammar)
        self._every_byte = len({t for t in texts if t and len(t) == 1}) == 256
        self._horizon = 2 * self._slots_of(grammar.lengths[grammar.start] + self._growth)
        self._completions = Completions(
            self._recogniser,
            TokenTrie(texts),
            TokenTrie(last),
            every_byte=self._every_byte,
            limits=self._limits,
        )

    def _slots_of(self, length: int) -> int:
        """How many slots so many bytes may well need."""
        return length // 2 + 4 if self._every_byte else length

    def _removed(self, text: bytes, left: int, mask: Mask) -> Mask | None:
        """`[W]` the tokens after which no sentence fits; None: there are none."""
        assert self._recogniser is not None
        if left <= 0:
            return self._is_text
        try:
            state = self._state(text)
            if state < 0:
                return None  # the mask's own affair
            if self._slots_of(int(self._recogniser.distance[state]) + self._growth) < left:
                return None
            key = state, left
            if key not in self._masks:
                self._masks[key] = self._removed_at(state, left, mask)
            return self._masks[key]
        except TooManyStatesError:
            self._give_up("the texts lead to too many states")
            return None

    def _state(self, text: bytes) -> int:
        """The recogniser's state, read on from the longest beginning that is known."""
        assert self._recogniser is not None
        state = self._states.get(text)
        if state is None:
            for length in range(len(text) - 1, max(0, len(text) - 64), -1):
                before = self._states.get(text[:length])
                if before is not None:
                    state = self._recogniser.read(before, text[length:])
                    break
            else:
                state = self._recogniser.read(self._recogniser.start, text)
            self._states[text] = state
        return state

    def _removed_at(self, state: int, left: int, mask: Mask) -> Mask | None:
        walked = self._completions.walk(state)
        missing = mask & self._is_text & ~self._packed(walked.tokens)
        if missing.any():
            self._give_up("it allows tokens that its grammar over bytes does not")
            return None
        count = np.bincount(walked.states, minlength=1)
        often = np.argsort(-count, kind="stable")[: np.count_nonzero(count)]
        late = np.zeros(len(count), np.bool_)
        late[self._completions.out_of_reach(often.tolist(), left - 1)] = True
        return self._packed(walked.tokens[late[walked.states]]) if late.any() else None

    def _packed(self, tokens: NDArray[np.int32]) -> Mask:
        chosen = np.zeros(self._size, np.bool_)
        chosen[tokens] = True
        return pack_mask(chosen)

    def _give_up(self, why: str) -> None:
        self._recogniser = None
        warnings.warn(
            f"{self._name}: {why}, so particles near max_tokens are not kept from texts that "
            "cannot be finished in time. Results stay right; more particles may die. Give it more "
            "slots or particles.",
            stacklevel=6,
        )


def _longest_symbol(grammar: ByteGrammar) -> int:
    """The most bytes that a symbol needs at least."""
    lengths = [n for n in grammar.lengths if n < 1 << 20]
    return max(lengths, default=0)
