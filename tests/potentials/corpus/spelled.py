"""Grammars whose terminals interact so that they are spelled out in characters."""

from __future__ import annotations

from pathlib import Path

import lark

from tests.potentials.corpus.case import Case

SHIPPED = Path(lark.__file__).parent / "grammars"
EARLEY = "earley-dynamic"

SPELLED: tuple[Case, ...] = (
    Case(
        "lookahead decides what follows",
        'start: /a(?!b)/ ("b" | "c")',
        EARLEY,
        ("a", "b", "c"),
        some_in=("ac",),
    ),
    Case(
        "ignored and used",
        'start: "a" " " "b"\n%ignore " "',
        EARLEY,
        ("a", "b", " "),
        5,
        some_in=("a b", " a  b "),
    ),
    Case(
        "backing up twice",
        'start: (NUMBER | NAME | "-" NUMBER)+\nNAME: /[a-z]+/\n%import common.NUMBER',
        EARLEY,
        ("1", ".", "e", "-", "x"),
        some_in=("1ex", "1e-1", "1.e1"),
    ),
    Case(
        "a word runs into a name, twice over",
        "start: cond\ncond: cond op cond | var | word | NUMBER\nvar: NAME\nword: NAME\n"
        'op: "or" | "order" | "and"\nNAME: /[a-z]+/\nNUMBER: /[0-9]+(\\.[0-9]+)?/\n%ignore " "',
        EARLEY,
        ("or", "der", "x", "1", ".", " "),
        4,
        some_in=("1or1", "1orderx", "x or x"),
    ),
    Case(
        "Lark's lark",
        (SHIPPED / "lark.lark").read_text(encoding="utf-8"),
        EARLEY,
        ("a", ":", '"b"', "\n", "B", "|"),
        4,
        some_in=('a:"b"\n',),
    ),
    Case(
        "conflict whose settling would lose sentences",
        'start: a a "if" | a "!"\na: W+\nW: /[a-z]/\n%ignore " "',
        EARLEY,
        ("x", "if", "!", " "),
        5,
        some_in=("x y if", "xyif", "x!", "x x x if"),
    ),
    Case(
        "conflict whose settling would lose all sentences",
        'start: a a "if"\na: W+\nW: /[a-z]/\n%ignore " "',
        EARLEY,
        ("x", "if", " "),
        5,
        some_in=("x y if", "xyif"),
    ),
    Case(
        "dangling else, either way",
        'start: "i" start | "i" start "e" start | NAME\nNAME: /[a-z]+/\n%ignore " "',
        EARLEY,
        ("i", "e", "x", " "),
        5,
        some_in=("i i x e x", "ix", "iexex"),
    ),
)
