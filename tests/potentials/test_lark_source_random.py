"""Random grammars: each is translated with exactly Lark's language, or refused."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from potentials.grammar.lark import translate
from potentials.grammar.lark.parsers import MODES
from smc.errors import GrammarError
from tests.potentials.lark_oracle import reference_parser
from tests.potentials.random_grammars import grammar

TEXTS = ["".join(w) for n in range(5) for w in itertools.product("abc ", repeat=n)]


class Bytes:
    """A vocabulary of all bytes."""

    tokens = [*(bytes([b]) for b in range(256)), b"<eos>"]  # noqa: RUF012
    eos_token_id = 256
    bos_token_id = None
    special_token_ids = [256]  # noqa: RUF012

    def __call__(self, text: str | bytes) -> list[int]:
        return list(text.encode() if isinstance(text, str) else text)


@pytest.fixture(scope="module")
def tokenizer() -> LLTokenizer:
    return LLTokenizer(TokenizerWrapper(Bytes()), n_vocab=257)


def check(tokenizer: LLTokenizer, source: str, parser: str | None, lexer: str | None) -> str:
    """Compare a grammar with Lark on all short texts; return its mode, or "refused"."""
    try:
        translated = translate(source, parser=parser, lexer=lexer)
    except GrammarError:
        return "refused"
    in_lark = reference_parser(source, mode=translated.mode)
    matcher = LLMatcher(tokenizer, LLMatcher.grammar_from_lark(translated.llguidance), log_level=0)
    assert not matcher.is_error(), (source, matcher.get_error())
    for text in TEXTS:
        matcher.reset()
        data = list(text.encode())
        mine = matcher.try_consume_tokens(data) == len(data) and matcher.is_accepting()
        assert mine == in_lark(text), (source, translated.mode, text)
    return translated.mode


def test_random_grammars_never_differ_in_silence(tokenizer: LLTokenizer) -> None:
    modes = Counter(check(tokenizer, grammar(seed), None, None) for seed in range(60))
    # A run that refused everything would show nothing.
    assert modes["lalr"] >= 10
    assert modes["earley-dynamic"] >= 3


@pytest.mark.parametrize("mode", MODES)
def test_random_grammars_have_the_language_of_the_parser_asked_for(
    tokenizer: LLTokenizer, mode: str
) -> None:
    asked = MODES[mode]
    modes = Counter(
        check(tokenizer, grammar(seed), asked.parser, asked.lexer) for seed in range(100, 130)
    )
    assert set(modes) <= {mode, "refused"}
    assert modes[mode] >= 5
