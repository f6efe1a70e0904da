"""The parts of the Lark front end, one by one."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from potentials.grammar.lark import translate
from potentials.grammar.lark.automata import alphabet, charset, pattern, re_semantics
from potentials.grammar.lark.automata.dfa import DEAD, DFA
from smc.errors import GrammarError


def longest(automaton: DFA, letters: alphabet.Alphabet, text: str) -> int:
    """Return the length of the longest match, as `DFA.accept` has it; −1 if none."""
    symbols = [
        next(i for i, s in enumerate(letters.symbols) if charset.contains(s, ord(c))) for c in text
    ]
    state, best = 0, -1
    for i in range(len(symbols) + 1):
        following = symbols[i] if i < len(symbols) else letters.size
        if automaton.accept[state] >> following & 1:
            best = i
        if i == len(symbols):
            break
        state = automaton.steps[state][symbols[i]]
        if state == DEAD:
            break
    return best


@pytest.mark.parametrize(
    "regexp",
    [
        "a|ab", "ab|a", "x?(a|b(?<!a)|ab(?<!x))c*",
        "a*?b", "a+?b?", "(a|ab)(c|bcd)?", "a{2,3}?c?", "(?!ab)[ab]+", "a(?!b)",
        "a+(?=b)", r"a\b", "(?m:b$)", "a[^a]*?a", r"a(.|\n)*?c", "(ab?)+?c",
        "(?i:aB)c?", "(a(?!c)|b)+", r"a.*?(?<!b)c", "(a|b|ab|ba)*c|a",
    ],
)  # fmt: skip
def test_takes_what_python_takes(regexp: str) -> None:
    node = pattern.parse(regexp)
    letters = alphabet.build([node, pattern.literal("abcxB\n")])
    automaton = re_semantics.preferred(node, letters)
    for n in range(7):
        for chars in itertools.product("abcx\n"[: 5 if n < 5 else 3], repeat=n):
            text = "".join(chars)
            found = re.match(regexp, text)
            assert longest(automaton, letters, text) == (found.end() if found else -1), text


@pytest.mark.parametrize("letter", ["d", "w", "s"])
@pytest.mark.parametrize("flag", [re.ASCII, re.UNICODE])
def test_categories_are_those_of_python(letter: str, flag: re.RegexFlag) -> None:
    found = charset.category(letter, flag is re.ASCII)
    matches = re.compile(f"\\{letter}", flag).match
    for code in [*range(0x3100), *range(0xFE00, 0x10400), 0x10FFFF]:
        assert charset.contains(found, code) == bool(matches(chr(code))), hex(code)


def test_only_four_characters_fold_to_ascii() -> None:
    every = re.compile("[\x00-\x7f]", re.IGNORECASE).match
    codes = (c for c in range(0x80, 0x110000) if not 0xD800 <= c <= 0xDFFF)
    assert "".join(chr(c) for c in codes if every(chr(c))) == charset.FOLD_TO_ASCII


def test_complement_and_intersection_of_sets() -> None:
    digits = charset.normal([(48, 57)])
    assert charset.complement(charset.complement(digits)) == digits
    assert charset.intersection(digits, charset.complement(digits)) == charset.EMPTY
    assert charset.size(charset.UNIVERSE) == 0x110000 - 0x800


def test_imports_are_found_beside_the_grammar_and_in_the_paths(tmp_path: Path) -> None:
    (tmp_path / "words.lark").write_text('WORD: "x"+\n', encoding="utf-8")
    assert translate("%import .words.WORD\nstart: WORD", base_path=tmp_path).mode == "lalr"
    assert translate("%import words.WORD\nstart: WORD", import_paths=[tmp_path]).mode == "lalr"
    with pytest.raises(GrammarError, match="words"):
        translate("%import words.WORD\nstart: WORD")


@pytest.mark.parametrize(
    ("source", "template"),
    [
        ('start: x{"b"}\nx{a}: x{x{a}}', "x"),
        ('start: t{"b"}\nt{a}: u{x{a}}\nu{b}: t{b}\nx{c}: c', "t"),
        ('start: a{"k", "l"}\na{x, y}: x a{x, b{x}} | "."\nb{z}: z', ""),
        ('start: a{"k", "l"}\na{x, y}: x a{y, b{x}} | "."\nb{z}: z', "a"),
        ('start: t{"b"}\nt{a}: u{x{a}} | "z"\nu{b}: t{"k"}\nx{c}: c', ""),
        ('start: x{x{"b"}}\nx{a}: a | "(" x{a} ")"', ""),
        ('start: "a"\ne{a}: e{e{a}}', ""),
    ],
)
def test_templates_that_grow_without_end_are_found(source: str, template: str) -> None:
    """Lark itself would write rules for ever."""
    if not template:
        assert translate(source).mode
        return
    with pytest.raises(GrammarError, match=f"template {template} uses itself with arguments that"):
        translate(source)


def test_says_what_it_rewrote_and_which_mode_it_has() -> None:
    translated = translate('start: "if" NAME | NAME\nNAME: /[a-z]+/\n%ignore " "')
    assert translated.mode == "lalr"
    assert translated.lark is not None
    assert any("NAME" in r and "IF" in r for r in translated.rewrites)
    assert translated.llguidance.startswith("%llguidance {")
    assert '"no_forcing": true' in translated.llguidance


def test_a_grammar_with_conflicts_has_no_lalr_parser() -> None:
    translated = translate('start: s\ns: s s | "a"')
    assert translated.mode == "earley-dynamic"
    assert translated.lark is None


def test_a_conflict_settled_by_rule_priority_is_a_conflict() -> None:
    translated = translate('start: a | b\na.2: "x"\nb.1: "x"')
    assert translated.mode == "earley-dynamic"


@pytest.mark.parametrize("source", ["", "start:", "%ignore", 'start: "a" |\nstart: "b"', "1"])
def test_malformed_grammars_are_refused(source: str) -> None:
    if source == "start:":
        assert translate(source).mode == "lalr"  # the empty text alone is a language
        return
    with pytest.raises(GrammarError, match="Grammar, line"):
        translate(source)
