"""llguidance kept in bounds: a tokenizer of bytes, forcing off, errors raised.

A matcher here reads bytes, not tokens: llguidance's vocabulary is ours followed by the 256 single
bytes and an end of its own. So what a text is worth cannot depend on how it was split into tokens,
and which ids end a sequence is decided outside.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from smc.errors import GrammarError, PotentialError, SettingsError

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

BYTES = 256
NO_FORCING = '%llguidance {"no_forcing": true}\n'
"""First line of every grammar: forced tokens would take probability from other token paths."""

_NEVER_TEXT = 0xFF  # in no UTF-8 text; llguidance marks special tokens with it


@dataclass(frozen=True)
class Limits:
    """How much work a grammar may cost before a `PotentialError` is raised.

    Attributes:
        max_items_in_row: Earley items at one byte of the text; ambiguity makes them grow.
        step_max_items: Earley items of one mask.
        step_lexer_fuel: Regex work of one mask.
        initial_lexer_fuel: Regex work of building the lexer.
        max_lexer_states: States of the lexer's automaton (1 to 2 kB each).
        max_grammar_size: Symbols in all rules.

    Raises:
        SettingsError: A limit is below 1.
    """

    max_items_in_row: int = 50_000
    step_max_items: int = 2_000_000
    step_lexer_fuel: int = 10_000_000
    initial_lexer_fuel: int = 50_000_000
    max_lexer_states: int = 1_000_000
    max_grammar_size: int = 2_000_000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise SettingsError(f"Limits: {name}: got {value}, expected at least 1.")


@lru_cache(maxsize=4)
def tokenizer_for(tokens: tuple[bytes | None, ...]) -> LLTokenizer:
    """Return llguidance's tokenizer of the tokens, then the bytes, then an end; about 4 µs a token.

    Args:
        tokens: `[V]` the bytes of each id, None where it is not text.
    """
    from llguidance import LLTokenizer, TokenizerWrapper

    texts = [*tokens, *(bytes([b]) for b in range(BYTES))]
    known = [b"" if not t or _NEVER_TEXT in t else t for t in texts]
    return LLTokenizer(TokenizerWrapper(_Tokens([*known, b"<end>"])))


class _Tokens:
    """The attributes that llguidance asks of a tokenizer."""

    def __init__(self, tokens: list[bytes]) -> None:
        self.tokens = tokens
        self.eos_token_id = len(tokens) - 1
        self.bos_token_id = None
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, text: bytes) -> list[int]:
        first = len(self.tokens) - 1 - BYTES
        return [first + b for b in text]


def compile_matcher(
    source: str, tokens: tuple[bytes | None, ...], limits: Limits, name: str
) -> LLMatcher:
    """Return a matcher of the grammar at the empty text.

    Copies of it share its lexer and a lock: give every thread one of its own.

    Args:
        source: The grammar in llguidance's dialect, starting with `NO_FORCING`.
        tokens: `[V]` the bytes of each id.
        limits: See `Limits`.
        name: How the error calls the grammar.

    Raises:
        GrammarError: llguidance refuses the grammar.
    """
    from llguidance import LLMatcher, LLParserLimits

    bounds = LLParserLimits(**asdict(limits), verbose_errors=False)
    matcher = LLMatcher(tokenizer_for(tokens), source, log_level=0, limits=bounds)
    if matcher.is_error():
        raise GrammarError(
            f"{name}: the mask engine refuses the grammar: {_brief(matcher.get_error())}. "
            "Simplify what it names; if it names a limit, raise it: `limits=Limits(...)`."
        )
    return matcher


def read(matcher: LLMatcher, new_bytes: bytes, size: int) -> int:
    """Feed bytes to a matcher; return how many it took before the first that cannot follow.

    Args:
        matcher: Is changed, also when it takes only some of the bytes.
        new_bytes: May end inside a UTF-8 character.
        size: V, the number of tokens before the 256 bytes.
    """
    return matcher.try_consume_tokens([size + b for b in new_bytes]) if new_bytes else 0


def stuck(matcher: LLMatcher, text: bytes, name: str) -> bool:
    """Return whether nothing can follow here, and raise if the matcher failed.

    Ask after every call: a failed matcher's mask allows the end of the text and nothing else.

    Raises:
        PotentialError: With the engine's words, the text so far and the remedy.
    """
    if not matcher.is_error():
        return False
    message = matcher.get_error()
    if not message.startswith("NoExtension"):
        raise PotentialError(
            f"{name}: the mask engine failed after {_shown(text)}: "
            f"{_brief(message)}. Make the grammar less ambiguous, or raise the limit "
            "it names: `limits=Limits(...)`."
        )
    return True


def _brief(message: str, most: int = 400) -> str:
    """An engine's message on one line, without its inner state and the grammar's text."""
    lines = (line.strip() for line in message.replace("<non-verbose/>", "").splitlines())
    words = " ".join(line for line in lines if not re.match(r"(\d+ )?\||\^+$", line)).rstrip(" .")
    return words[:most] or "no reason given"


def _shown(text: bytes, most: int = 200) -> str:
    words = text.decode(errors="replace")
    return repr(words) if len(words) <= most else f"… {words[-most:]!r} ({len(text)} bytes)"
