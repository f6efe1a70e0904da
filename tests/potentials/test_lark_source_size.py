"""Grammars of many words: time to translate them grows with their length, not with its cube."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pytest

from potentials.grammar import Grammar
from potentials.grammar.lark import translate
from smc.errors import GrammarError
from smc.potential import log_complete
from tests.potentials.lark_oracle import reference_parser

_LETTERS = "abcdefghijklmnoprstuvw"
_SECONDS = 5.0


def words(count: int) -> list[str]:
    """Return distinct words, some of which begin others."""
    rng = random.Random(1)
    chosen: set[str] = set()
    while len(chosen) < count:
        chosen.add("".join(rng.choices(_LETTERS, k=rng.randint(3, 9))))
    return sorted(chosen)


def one_rule(count: int) -> str:
    """Return a language with keywords in one rule, and names."""
    kinds = " | ".join(f'"{w}"' for w in words(count))
    return (
        'start: (stmt ";")*\nstmt: NAME "=" NAME | keyword NAME\n'
        f'keyword: {kinds}\nNAME: /[a-z_]+/\n%ignore " "\n'
    )


def a_statement_each(count: int) -> str:
    """Return a language with a production for each keyword, after which any may come."""
    bodies = " | ".join(f'"{w}" NAME ";"' for w in words(count))
    return f'start: stmt*\nstmt: {bodies} | NAME "=" NAME ";"\nNAME: /[a-z_]+/\n%ignore " "\n'


def any_case(count: int) -> str:
    """Return the same with keywords in any case."""
    kinds = " | ".join(f'"{w}"i' for w in words(count))
    return (
        'start: (stmt ";")*\nstmt: NAME "=" NAME | keyword NAME\n'
        f'keyword: {kinds}\nNAME: /[a-z_]+/i\n%ignore " "\n'
    )


def one_terminal(count: int) -> str:
    """Return a language whose words are all in one terminal."""
    kinds = " | ".join(f'"{w}"' for w in words(count))
    return f'start: (WORD ";" | NUMBER)*\nWORD: {kinds}\nNUMBER: /[0-9]+/\n%ignore " "\n'


def numbered(count: int) -> str:
    """Return a language of words alone, of which many begin others."""
    kinds = " | ".join(f'"k{i}"' for i in range(count))
    return f'start: (keyword ";")*\nkeyword: {kinds}\n%ignore " "\n'


SHAPES = [one_rule, a_statement_each, any_case, one_terminal, numbered]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.__name__)
def test_fifteen_hundred_words_are_translated_in_seconds(shape: Callable[[int], str]) -> None:
    began = time.process_time()
    translated = translate(shape(1500))
    assert time.process_time() - began < _SECONDS
    assert translated.mode == "lalr"
    assert len(translated.llguidance) > 5 * 1500


@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.__name__)
def test_many_words_keep_their_language(shape: Callable[[int], str]) -> None:
    source = shape(60)
    grammar, in_lark = Grammar(source), reference_parser(source)
    rng = random.Random(2)
    known = [*words(60), "k1", "k10", "k5", "if", "x"]
    outcomes = set()
    for _ in range(400):
        a, b = rng.choice(known), rng.choice(known)
        text = rng.choice([f"{a} {b};", f"{a}={b};", f"{a}{b};", f"{a};{b};", f"{a[:-1]};", a])
        assert (log_complete(grammar, text) == 0.0) == in_lark(text), text
        outcomes.add(in_lark(text))
    assert outcomes == {False, True}


def in_conflict(count: int) -> str:
    """Return a language whose sums are ambiguous, which Lark settles in silence."""
    kinds = " | ".join(f'"{w}"' for w in words(count))
    return (
        'start: (stmt ";")*\nstmt: NAME "=" expr | keyword NAME\nexpr: expr "+" expr | NAME\n'
        f"keyword: {kinds}\nNAME: /[a-z_]+/\n%ignore /[ \\n]+/\n"
    )


def test_hundreds_of_words_in_a_settled_grammar_are_carried() -> None:
    source = in_conflict(150)
    grammar, in_lark = Grammar(source, parser="lalr"), reference_parser(source, mode="lalr")
    first, *others = words(150)[:40]
    texts = [f"{first} {w};" for w in others[:5]] + [f"a={w}x + b;" for w in others[:5]]
    texts += [f"a = {w};" for w in others[:5]] + [f"{w}x;" for w in others[:5]]
    assert {in_lark(t) for t in texts} == {False, True}
    for text in texts:
        assert (log_complete(grammar, text) == 0.0) == in_lark(text), text


@pytest.mark.slow
def test_what_is_too_large_is_refused_before_long() -> None:
    began = time.process_time()
    with pytest.raises(GrammarError, match="may go on into NAME"):
        translate(in_conflict(1200))
    assert time.process_time() - began < 60.0
