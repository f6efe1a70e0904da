"""Text in tokens by longest match: how a step is written that was not drawn as tokens."""

from __future__ import annotations

from functools import cached_property

from smc.errors import PromptError
from smc.model import Vocabulary


class LongestMatch:
    """Writes a text in the tokens of a vocabulary, each the longest that fits.

    Args:
        vocabulary: Its EOS ids are not used.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary

    def ids(self, text: str) -> list[int]:
        """Return token ids whose bytes are the text's.

        Raises:
            PromptError: No token begins what is left of it.
        """
        ids, rest = [], text.encode()
        while rest:
            sizes = range(min(self._longest, len(rest)), 0, -1)
            size = next((n for n in sizes if rest[:n] in self._by_bytes), None)
            if size is None:
                raise PromptError(
                    f"TokenSteps: no token of the model begins {rest[:20]!r} of the step {text!r}; "
                    "expected text that the vocabulary can write."
                )
            ids.append(self._by_bytes[rest[:size]])
            rest = rest[size:]
        return ids

    @cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        eos = self._vocabulary.eos_set
        return {b: i for i, b in enumerate(self._vocabulary.tokens) if b and i not in eos}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_bytes))
