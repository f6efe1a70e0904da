"""Which of Lark's parsers and lexers a grammar is translated for."""

from __future__ import annotations

from itertools import product

import pytest

from potentials.grammar import Grammar
from potentials.grammar.lark import translate
from potentials.grammar.mask_limits import MaskLimits
from smc.errors import GrammarError
from smc.potential import log_complete
from tests.potentials.lark_oracle import reference_parser
from tests.potentials.masking import vocabulary_of

KEYWORD_OR_NAME = 'start: "if" NAME | NAME "=" NAME\nNAME: /[a-z]+/\n%ignore " "'
DANGLING_ELSE = 'start: s\ns: "i" s | "i" s "e" s | "x"'
LOST_IN_SHIFTS = 'start: a a "if"{more}\na: W+\nW: /[a-z]/\n%ignore " "'


@pytest.mark.parametrize(
    ("parser", "lexer", "mode"),
    [
        (None, None, "lalr"),
        ("lalr", None, "lalr"),
        ("lalr", "auto", "lalr"),
        ("lalr", "contextual", "lalr"),
        ("lalr", "basic", "lalr-basic"),
        ("earley", None, "earley-dynamic"),
        (None, "dynamic", "earley-dynamic"),
        ("earley", "basic", "earley-basic"),
        ("earley", "dynamic_complete", "earley-dynamic-complete"),
    ],
)
def test_parser_and_lexer_mean_what_they_mean_to_lark(
    parser: str | None, lexer: str | None, mode: str
) -> None:
    translated = translate(KEYWORD_OR_NAME, parser=parser, lexer=lexer)
    assert translated.mode == mode
    accepts = Grammar(KEYWORD_OR_NAME, parser=parser, lexer=lexer)
    in_lark = reference_parser(KEYWORD_OR_NAME, mode=mode)
    texts = ["if x", "ifx", "if=x", "x=if", "if if", "x = y", "if x=y", "ififx", "x y"]
    assert [log_complete(accepts, t) == 0.0 for t in texts] == [in_lark(t) for t in texts]


def test_the_lexers_differ_on_keywords_that_are_names() -> None:
    def texts(**arguments: str) -> list[str]:
        grammar = Grammar(KEYWORD_OR_NAME, **arguments)
        return [t for t in ("if x", "x=if", "if=x") if log_complete(grammar, t) == 0.0]

    assert texts(parser="lalr", lexer="contextual") == ["if x", "x=if"]
    assert texts(parser="lalr", lexer="basic") == ["if x"]
    assert texts(parser="earley") == ["if x", "x=if", "if=x"]


@pytest.mark.parametrize(
    ("parser", "lexer"),
    [("cyk", None), ("lalr", "dynamic"), ("earley", "contextual"), ("peg", None)],
)
def test_other_parsers_are_refused_by_name(parser: str, lexer: str | None) -> None:
    with pytest.raises(GrammarError, match=f"parser='{parser}'.*expected one of Lark's.*'lalr'"):
        translate('start: "x"', parser=parser, lexer=lexer)


def test_repr_says_which_language_it_is() -> None:
    assert "parser='lalr', lexer='contextual')>" in repr(Grammar('start: "x"'))
    assert "parser='earley', lexer='dynamic')>" in repr(Grammar(DANGLING_ELSE))
    settled = repr(Grammar(DANGLING_ELSE, parser="lalr"))
    assert "parser='lalr'" in settled
    assert "conflicts settled as Lark does" in settled


def test_what_lalr_loses_is_lost_only_where_lalr_is_asked_for() -> None:
    source = LOST_IN_SHIFTS.format(more=' | a "!"')
    grammar, lalr = Grammar(source), Grammar(source, parser="lalr")
    for text in ("x y if", "xyif"):
        assert log_complete(grammar, text) == 0.0
        assert log_complete(lalr, text) == float("-inf")
        assert not reference_parser(source, mode="lalr")(text)
    assert log_complete(lalr, "xy!") == 0.0


def test_no_sentence_is_said_only_where_there_is_none() -> None:
    source = LOST_IN_SHIFTS.format(more="")
    assert log_complete(Grammar(source), "xyif") == 0.0
    # Lark's LALR parser shifts each W into the first `a`, and has no text at all.
    with pytest.raises(GrammarError, match="no sentence in Lark with parser='lalr'"):
        Grammar(source, parser="lalr")


RUNS_TOGETHER = 'start: s\ns: s s | s s s | "if" NAME | NAME ";"\nNAME: /[a-z]+/\n%ignore " "'


def test_a_grammar_that_cannot_be_masked_is_refused_when_it_is_made() -> None:
    assert log_complete(Grammar(RUNS_TOGETHER), "ifx y;") == 0.0
    with pytest.raises(GrammarError, match=r"cannot be masked.*limit.*say parser=.lalr"):
        Grammar(RUNS_TOGETHER, limits=MaskLimits(step_max_items=40))


def test_a_grammar_that_cannot_be_masked_is_refused_when_it_is_bound() -> None:
    grammar = Grammar(RUNS_TOGETHER, limits=MaskLimits(step_max_items=6000))
    small = vocabulary_of([bytes([b]) for b in range(97, 123)])
    large = vocabulary_of(["".join(p).encode() for p in product("abcdfi;", repeat=5)])
    assert log_complete(grammar.bind(small), "x;") == 0.0
    for _ in range(2):
        with pytest.raises(GrammarError, match="cannot be masked"):
            grammar.bind(large)
