"""Choices: exact strings, one of which the whole text must be."""

from __future__ import annotations

import re
from collections.abc import Iterable

from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.regex import Regex
from smc.errors import GrammarError


class Choice(Regex):
    """The texts of a list, bare: no quotation marks, nothing before or after.

    Args:
        texts: At least one, none of them empty; those named twice count once.
        limits: How much work one mask may cost before a `PotentialError`.

    Raises:
        GrammarError: There is none, or one is no text.

    Example:
        >>> answer = Choice(["yes", "no"])
        >>> answer.complete(answer.advance(answer.start(), b"yes"))
        0.0
    """

    def __init__(self, texts: Iterable[str], *, limits: MaskLimits | None = None) -> None:
        if isinstance(texts, str):
            raise GrammarError(
                f"Choice: got the text {texts!r}; expected a list of texts. Write [{texts!r}]."
            )
        chosen = tuple(dict.fromkeys(texts))
        for text in chosen:
            if not isinstance(text, str) or not text:
                raise GrammarError(
                    f"Choice: got {text!r} among the texts; expected texts that are not empty. For "
                    "other values use typing.Literal as an output type."
                )
        if not chosen:
            raise GrammarError("Choice: got no texts; expected at least one to choose.")
        self.texts = chosen
        super().__init__("|".join(map(re.escape, chosen)), limits=limits)

    def parse(self, text: str) -> str:
        """Return a text that is one of them.

        Raises:
            ValueError: It is none.
        """
        if text not in self.texts:
            raise ValueError(f"expected one of {', '.join(map(repr, self.texts))}")
        return text
