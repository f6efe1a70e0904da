"""Where rules are completed, one token at a time."""

import itertools
import random
import warnings
from typing import Any

import pytest

from potentials.grammar import Grammar
from potentials.grammar.incremental_parser import Position, Tracker
from potentials.grammar.rule_boundary import RuleBoundary, boundary_of
from smc.errors import GrammarError
from smc.potential import Boundary
from tests.potentials.masking import mask_of, vocabulary_of
from tests.potentials.test_grammar import LARGER

STATEMENTS = """
start: stmt+
stmt: NAME "=" expr ";"
expr: expr "+" atom | atom | -> nothing
atom: NAME | "(" expr ")"
NAME: /[a-z]+/
%ignore " "
"""
QUERY = r"""
start: "SELECT" item ("," item)* where? ";"
item: NAME | NAME "AS" NAME
where: "WHERE" NAME "=" NUMBER
NAME: /[a-z]+/
NUMBER: /[0-9]+/
%ignore /[ \n]+/
"""


def tracker_of(grammar: Grammar) -> Tracker:
    boundary = grammar.boundary_at("start")
    assert isinstance(boundary, RuleBoundary)
    return boundary._tracker


def completed(grammar: Grammar, pieces: list[str], *names: str) -> list[tuple[str, str, int]]:
    """Rule, its text, and how much of the text was there when it was reported."""
    tracker, text, out = tracker_of(grammar), "".join(pieces), []
    position = tracker.start
    for piece in pieces:
        position, events = tracker.feed(position, piece)
        assert position.stack is not None
        out += [(e.name, text[e.start : e.end], position.offset) for e in events if e.name in names]
    return out


def test_rules_are_reported_with_their_text_as_soon_as_it_is_certain() -> None:
    text = "ab = c + (d);  x=;"
    found = completed(Grammar(STATEMENTS), list(text), "stmt", "atom", "nothing")
    assert found == [
        ("atom", "c", 7),  # at the blank: a longer name was possible before
        ("atom", "d", 12),
        ("atom", "(d)", 12),
        ("stmt", "ab = c + (d);", 13),
        ("nothing", "", 18),
        ("stmt", "x=;", 18),
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_events_do_not_depend_on_how_the_text_is_split(size: int) -> None:
    text = "ab = c + (d);  x=; yy = (a+b)+ c ;"
    pieces = [text[i : i + size] for i in range(0, len(text), size)]
    names = ("stmt", "expr", "atom", "NAME")
    whole = completed(Grammar(STATEMENTS), [text], *names)
    assert [e[:2] for e in completed(Grammar(STATEMENTS), pieces, *names)] == [e[:2] for e in whole]
    assert len(whole) > 10


def test_a_rule_that_may_go_on_is_reported_by_what_comes_next() -> None:
    text = "SELECT a, b AS c WHERE a = 12;"
    found = completed(Grammar(QUERY), list(text), "item", "where")
    # After `b` an `AS` may follow, and after `12` another digit.
    assert [(name, words) for name, words, _ in found] == [
        ("item", "a"),
        ("item", "b AS c"),
        ("where", "WHERE a = 12"),
    ]
    assert [text[:at][-1] for _, _, at in found] == [",", " ", ";"]


def test_events_are_the_subtrees_of_the_parse_tree() -> None:
    grammar = Grammar(STATEMENTS)
    parser = grammar._translated.lark
    for names in itertools.product(["a", "bc"], repeat=3):
        text = f"{names[0]} = ({names[1]} + {names[2]}) + a; b={names[2]};"
        tree = parser.parse(text)
        expected = sorted(
            text[t.meta.start_pos : t.meta.end_pos]
            for t in _with_positions(STATEMENTS, text).find_data("atom")
        )
        assert sorted(w for _, w, _ in completed(grammar, list(text), "atom")) == expected
        assert len(list(tree.find_data("stmt"))) == len(completed(grammar, [text], "stmt"))


WALKED = {
    "statements": STATEMENTS,
    "query": QUERY,
    "json": LARGER["json"][0],
    "ignored": 'start: "a" ("b" "c"?)+\n%ignore " "\n',
    "longest match": "start: (A B?)+\nA: /a+,/\nB: /b+/\n",
}


@pytest.mark.parametrize("name", WALKED)
def test_the_tracker_follows_whatever_the_masks_admit(name: str) -> None:
    grammar = Grammar(WALKED[name])
    vocabulary = vocabulary_of([bytes([b]) for b in range(32, 127)] + [b"SELECT a", b'":', b"ab="])
    bound, tracker, rng = grammar.bind(vocabulary), tracker_of(grammar), random.Random(2)
    ended = 0
    for _ in range(12):
        state, position = bound.start(), tracker.start
        for _ in range(25):
            allowed = mask_of(bound, state.text, vocabulary)
            ended += int(allowed[vocabulary.eos_ids[0]])
            ids = [i for i in allowed.nonzero()[0].tolist() if i not in vocabulary.eos_ids]
            if not ids:
                break
            token = vocabulary.tokens[rng.choice(ids)] or b""
            state = bound.advance(state, token)
            position, _ = tracker.feed(position, token.decode())
            assert position.stack is not None, state.text
    assert ended


def _with_positions(source: str, text: str) -> Any:
    import lark

    return lark.Lark(source, parser="lalr", propagate_positions=True, keep_all_tokens=True).parse(
        text
    )


def fired(boundary: Boundary[Any], pieces: list[str]) -> list[bool]:
    state, out = boundary.start(), []
    for piece in pieces:
        state, fires = boundary.advance(state, piece)
        out.append(fires)
    return out


def test_a_boundary_fires_in_the_token_that_completes_a_rule() -> None:
    boundary = Grammar(STATEMENTS).boundary_at("stmt")
    assert fired(boundary, ["a=", "b;", "", " c", "=d; e=", "f", ";"]) == [
        False,
        True,
        False,
        False,
        True,
        False,
        True,
    ]


def test_a_boundary_may_name_terminals_aliases_and_several_rules() -> None:
    grammar = Grammar(STATEMENTS)
    assert fired(grammar.boundary_at("SEMICOLON"), ["a=b", ";"]) == [False, True]
    assert fired(grammar.boundary_at("nothing"), ["a=b;", "a=;"]) == [False, True]
    assert fired(grammar.boundary_at("nothing", "stmt"), ["a=b;", "a", "=;"]) == [True, False, True]


def test_states_are_shared_and_never_changed() -> None:
    boundary = Grammar(STATEMENTS).boundary_at("stmt")
    trunk, _ = boundary.advance(boundary.start(), "a = b")
    hash(trunk.position)
    for _ in range(2):
        assert boundary.advance(trunk, ";")[1]
        assert not boundary.advance(trunk, "c")[1]
        assert boundary.advance(trunk, " ; d=e")[1]
    assert isinstance(boundary, Boundary)
    assert isinstance(trunk.position, Position)


def test_texts_outside_the_language_never_fire_and_do_not_warn() -> None:
    boundary = Grammar(STATEMENTS).boundary_at("stmt", delimiters="")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fired(boundary, ["a=b", "=", ";", "a=b;"]) == [False] * 4
        assert fired(boundary, ["é", "a=b;"]) == [False] * 2


def test_a_tracker_that_loses_its_place_warns_once_and_falls_back_to_delimiters() -> None:
    grammar = Grammar(STATEMENTS)
    sound = grammar.boundary_at("stmt")
    assert isinstance(sound, RuleBoundary)
    # A grammar that admits more than the tracker can follow.
    boundary = RuleBoundary(sound._tracker, ["stmt"], ";", lambda text: True)
    with pytest.warns(UserWarning, match="lost its place"):
        assert fired(boundary, ["a=b;", "!", "x", ";"]) == [True, False, False, True]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert fired(boundary, ["!", "x;"]) == [False, True]


def test_names_are_checked() -> None:
    with pytest.raises(GrammarError, match=r"\['nope'\].*stmt"):
        Grammar(STATEMENTS).boundary_at("stmt", "nope")
    with pytest.raises(GrammarError, match="no name"):
        Grammar(STATEMENTS).boundary_at()


def test_a_grammar_without_an_lalr_parser_is_told_the_remedy() -> None:
    with pytest.raises(GrammarError, match=r"boundaries\.after"):
        boundary_of(None, "start", ("start",), "", lambda text: True)
