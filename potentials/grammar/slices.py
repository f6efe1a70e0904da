"""Slices: sets of tokens that a mask takes in at once, where one lexeme may take all their texts.

The engine walks the tokens of the other sets one by one. Whether a lexeme takes a whole set is
asked at every state, and the answer may cost more than the walk (measured at 152k tokens).
"""

from __future__ import annotations

import re

_NAMES = "[A-Za-z_][A-Za-z0-9_]*"
_SPACES = r"[\x20\x0A\x0D\x09]+"
_ASCII = r"[ !#-&(-\[\]-~]+"  # but for quotes and backslashes
_IN_QUOTES = r'[^"\\\x00-\x1F\x7F]'

TEXT = (_SPACES, *(f"{_IN_QUOTES}{times}" for times in ("{1,10}", "{1,30}", "+")), _NAMES)
"""For strings, of bounded length too, and for names: 1.4 ms become 0.03 in a JSON string."""

CODE = (_NAMES, _ASCII)
"""For grammars with intricate lexemes, to which `TEXT` is compared in vain for 0.2 to 2 ms."""

_INTRICATE = 6000
_LEXEME = re.compile(r"^[A-Z]\w*: (.*[*+}].*)$", re.MULTILINE)


def slices_for(source: str) -> tuple[str, ...]:
    """Return the slices for a grammar; they change what a mask costs, and never a mask.

    Args:
        source: The grammar in llguidance's dialect. One is intricate if a lexeme with repetitions
            is long: names without hundreds of words, say.
    """
    lexemes = _LEXEME.findall(source)
    return CODE if any(len(text) > _INTRICATE for text in lexemes) else TEXT
