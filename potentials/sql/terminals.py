"""The terminals of a schema's grammar, but for the words that start an operand.

White space belongs to the terminals: punctuation takes what surrounds it, an operator that is a
word takes what precedes it, and what stands between two words is a terminal of its own (`_S`). So
no word ever touches another, and no terminal has to give back what it has read. Priorities put
what is the start of another terminal's text behind it, for Lark takes the first that matches.
"""

from __future__ import annotations

from potentials.sql.schema import Schema
from potentials.sql.words import KEYWORDS, any_case, either, identifier, is_bare

# An alias has at most eight characters (a few more where it starts like a keyword).
_ALIAS_TAIL = "{0,7}"
FIRST, OPERATOR, SHORT_OPERATOR, ALIAS, SPACE = 60, 50, 40, 30, -1
# One word that may come after a table, and all that there is of its terminal.
_NEXT = ("on", "using", "where", "join")
_TYPES = ("integer", "int", "real", "float", "text", "numeric", "varchar", "blob", "decimal")
_S0, _S1 = "[ \\t\\r\\n]*", "[ \\t\\r\\n]+"


def punctuation() -> dict[str, tuple[str, int]]:
    """Return what is not words: the regular expression and the priority of each terminal."""
    return {
        "_S": (_S1, SPACE),
        "_TAIL": (f"{_S0};{_S0}|{_S1}", SPACE),
        "_LPAR": (rf"{_S0}\({_S0}", OPERATOR),
        "_RPAR": (rf"{_S0}\)", OPERATOR),
        "_COMMA": (f"{_S0},{_S0}", OPERATOR),
        "STAR": (rf"{_S0}\*", OPERATOR),
        "COMPARE": (f"{_S0}(==?|<>|!=|<=?|>=?){_S0}", OPERATOR),
        "ADD": (rf"{_S0}([-+]|\|\|){_S0}", OPERATOR),
        "MULTIPLY": (rf"{_S0}[*\/%]{_S0}", OPERATOR),
        "SIGN": (f"{_S0}[-+]{_S0}", OPERATOR),
        "STRING": (f"{_S0}('([^']|'')*'|\"([^\"]|\"\")*\")", OPERATOR),
        "NUMBER": (r"[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?|\.[0-9]+", OPERATOR),
        "INTEGER": ("[0-9]+", OPERATOR),
    }


def operators() -> dict[str, tuple[str, int]]:
    """Return the words that come after an operand, with the white space before them."""
    not_ = f"({_after('not')})?"
    spaced = {
        "_FROM": _after("from"),
        "_WHERE": _after("where"),
        "_GROUP_BY": _after("group by"),
        "_HAVING": _after("having"),
        "_ORDER_BY": _after("order by"),
        "_LIMIT": _after("limit") + _S1,
        "_OFFSET": _after("offset") + _S1,
        "SET_OPERATION": f"({_after('union')}({_after('all')})?"
        f"|{_after('intersect')}|{_after('except')}){_S1}",
        "JOIN": _join(),
        "_USING": _after("using"),
        "_AS": _after("as") + _S1,
        "_AND": _after("and"),
        "IS_NULL": f"{_after('is')}({_after('not')})?{_after('null')}"
        f"|{_after('isnull')}|{_after('notnull')}|{_after('not null')}",
        "LIKE": f"{not_}({_after('like')}|{_after('glob')})",
        "_ESCAPE": _after("escape"),
        "BETWEEN": f"{not_}{_after('between')}",
        "DIRECTION": f"{_after('asc')}|{_after('desc')}",
        "_WHEN": _after("when"),
        "_THEN": _after("then"),
        "_ELSE": _after("else"),
        "_END": _after("end"),
    }
    short = {"_OR": _after("or"), "_ON": _after("on"), "IN": f"{not_}{_after('in')}"}
    return {n: (t, OPERATOR) for n, t in spaced.items()} | {
        n: (t, SHORT_OPERATOR) for n, t in short.items()
    }


def _after(words: str) -> str:
    return "".join(_S1 + any_case(word) for word in words.split())


def _join() -> str:
    outer = f"({'|'.join(map(_after, ('left', 'right', 'full')))})({_after('outer')})?"
    kind = f"({outer}|{_after('inner')}|{_after('cross')})?"
    return f"({_after('natural')})?{kind}{_after('join')}"


def alias_name(schema: Schema, *, no_start: tuple[str, ...] = ()) -> str:
    """Return the regular expression of an alias: no keyword, and no table of the schema."""
    taken = KEYWORDS | {t.name.lower() for t in schema.tables if is_bare(t.name)}
    return identifier(_ALIAS_TAIL, none_of=taken, no_start=no_start)


def aliases(schema: Schema) -> dict[str, tuple[str, int]]:
    """Return the names that a query makes up, where it does so."""
    return {
        "ALIAS": (alias_name(schema), ALIAS),
        "BARE_ALIAS": (_S1 + alias_name(schema, no_start=_NEXT), ALIAS),
        "RESULT": (identifier("*", none_of=KEYWORDS), ALIAS),
        "QUOTED_RESULT": ("'[^']+'|\"[^\"]+\"|`[^`]+`", ALIAS),
        "TYPE": (either(_TYPES), OPERATOR),
    }
