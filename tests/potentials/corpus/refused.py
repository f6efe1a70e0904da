"""Grammars that cannot be translated, and what the error has to say of each."""

from tests.potentials.corpus.case import Case
from tests.potentials.corpus.languages import SHIPPED

REFUSED = (
    Case("declared terminal", "start: A\n%declare A", None, refused=("line [12]", "A", "%declare")),
    Case(
        "swallows its follower",
        'start: A "b"\nA: /[ab]+/',
        None,
        refused=("line 2", "A", "swallows"),
    ),
    Case("no sentence", 'start: a\na: "x" a', None, refused=("line 1", "no sentence")),
    Case("empty terminal", "start: A\nA: /a*/", None, refused=("line 2", "A", "empty")),
    Case("back-reference", "start: A\nA: /(a|b)x\\1/", None, refused=("line 2", "back-reference")),
    Case("possessive repeat", "start: /a++b/", None, refused=("line 1", "possessive")),
    Case("atomic group", "start: /(?>a|ab)c/", None, refused=("line 1", "atomic")),
    Case("start of line", "start: /^a/", None, refused=("line 1", "before the terminal")),
    Case("long lookbehind", "start: /aab(?<!ab)c/", None, refused=("line 1", "looks behind")),
    Case("far lookahead", 'start: /a(?!bc)/ "b" "d"', None, refused=("line 1", "more than one")),
    Case("not a grammar", 'start: "a" (', None, refused=("line 1", "Lark does not take it")),
    Case("unknown rule", 'start: "a"\n  | nope', None, refused=("line 2", "nope")),
    Case("unknown import", "%import nope.X\nstart: X", None, refused=("line 1", "nope")),
    Case("no such start", 'begin: "a"', None, refused=("start",)),
    Case("not an expression", "start: A\nA: /(/", None, refused=("line 2", "A")),
    Case("recursive terminal", 'start: A\nA: "a" A', None, refused=("line 2", "A")),
    Case(
        "huge counted repeat",
        "start: /(a{1,200}b{1,200}){1,200}/",
        None,
        refused=("line 1", "states"),
    ),
    Case(
        "Lark's python: indentation",
        (SHIPPED / "python.lark").read_text(encoding="utf-8"),
        None,
        start="file_input",
        refused=("_DEDENT|_INDENT", "%declare"),
    ),
)
