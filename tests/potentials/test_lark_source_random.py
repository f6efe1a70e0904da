"""Random grammars: each is translated with exactly Lark's language, or refused."""

from __future__ import annotations

import itertools

import pytest
from llguidance import LLMatcher, LLTokenizer, TokenizerWrapper

from potentials.grammar.lark import translate
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


def test_random_grammars_never_differ_in_silence(tokenizer: LLTokenizer) -> None:
    modes: dict[str, int] = {}
    for seed in range(60):
        source = grammar(seed)
        try:
            translated = translate(source)
        except GrammarError:
            modes["refused"] = modes.get("refused", 0) + 1
            continue
        modes[translated.mode] = modes.get(translated.mode, 0) + 1
        in_lark = reference_parser(source, mode=translated.mode)
        found = LLMatcher(
            tokenizer, LLMatcher.grammar_from_lark(translated.llguidance), log_level=0
        )
        assert not found.is_error(), (seed, source, found.get_error())
        for text in TEXTS:
            found.reset()
            data = list(text.encode())
            mine = found.try_consume_tokens(data) == len(data) and found.is_accepting()
            assert mine == in_lark(text), (seed, source, text)
    # A run that refused everything would show nothing.
    assert modes["lalr"] >= 10
    assert modes["earley-dynamic"] >= 3
