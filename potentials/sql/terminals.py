"""Terminals of a schema's grammar that do not depend on the schema: keywords, operators, literals.

White space belongs to the terminals: punctuation takes what surrounds it, an operator that is a
word takes what precedes it, and what stands between two words is a terminal of its own (`_S`). So
no word ever touches another, and no terminal has to give back what it has read.
"""

from __future__ import annotations

from potentials.sql.tries import any_case, either, identifiers
from potentials.sql.words import (
    AFTER_OPERAND,
    COLLATIONS,
    CONSTANTS,
    FUNCTIONS,
    QUOTED,
    TYPES,
)

S0, S1 = "[ \\t\\r\\n]*", "[ \\t\\r\\n]+"
_COUNT = "count"


def fixed_terminals() -> dict[str, str]:
    """Return the regular expressions of these terminals by name."""
    return _punctuation() | _literals() | _before_words() | _after_operands() | _made_up()


def _punctuation() -> dict[str, str]:
    return {
        "_S": S1,
        "_TAIL": f"{S0};{S0}|{S1}",
        "_LPAR": rf"{S0}\({S0}",
        "_RPAR": rf"{S0}\)",
        "_COMMA": f"{S0},{S0}",
        "EVERY": r"\*",
        "STAR": rf"{S0}\*",
        "EQUALS": f"{S0}(==?|<>|!=){S0}",
        "COMPARE": f"{S0}(<=?|>=?){S0}",
        "ARITHMETIC": rf"{S0}([*\/%+&]|\|\|?|<<|>>){S0}",
        # No sign follows it: two in a row would start a comment.
        "MINUS": f"{S0}-{S0}",
        "SIGN": f"{S0}[-+~]{S0}",
    }


def _literals() -> dict[str, str]:
    return {
        "STRING": f"{S0}('([^']|'')*'|\"([^\"]|\"\")*\")",
        "NUMBER": r"0[xX][0-9a-fA-F]+|([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?",
        "BLOB": "[xX]'([0-9a-fA-F][0-9a-fA-F])*'",
        "CONSTANT": either(CONSTANTS),
        "FUNCTION": either(FUNCTIONS - {_COUNT}),
        "COUNT": either([_COUNT]),
        "TYPE": either(TYPES),
    }


def _before_words() -> dict[str, str]:
    """Return the words that nothing but white space or punctuation precedes."""
    words = "not exists case cast recursive"
    bare = {f"_{w.upper()}": any_case(w) for w in words.split()}
    return bare | {
        "_SELECT": S0 + any_case("select"),
        "_VALUES": S0 + any_case("values"),
        "_WITH": S0 + any_case("with"),
        "QUANTIFIER": either(("distinct", "all")),
        "_DISTINCT": any_case("distinct"),
        "_FIRST_WHEN": any_case("when"),
        "_PARTITION_BY": any_case("partition") + _after("by"),
        "_FIRST_ORDER_BY": any_case("order") + _after("by"),
        "FIRST_FRAME": _frame(ordered=False),
        "_FILTER_WHERE": rf"{S0}{any_case('filter')}{S0}\({S0}{any_case('where')}",
        "_OVER": S0 + any_case("over") + S1,
        "_OVER_LPAR": rf"{S0}{any_case('over')}{S0}\({S0}",
    }


def _after_operands() -> dict[str, str]:
    """Return the words that come after an operand, with the white space before them."""
    not_ = f"({_after('not')})?"
    any_of = {
        "SET_OPERATION": f"({_after('union')}({_after('all')})?"
        f"|{_after('intersect')}|{_after('except')}){S1}",
        "JOIN": _join(),
        "NATURAL_JOIN": _after("natural") + _join(),
        "_AS": _after("as") + S1,
        "_AS_LPAR": rf"{_after('as')}{S0}\({S0}",
        "IS_NULL": f"{_after('isnull')}|{_after('notnull')}|{_after('not null')}",
        "LIKE": not_ + _after("like"),
        "GLOB": not_ + _after("glob"),
        "BETWEEN": f"{not_}{_after('between')}",
        "IN": f"{not_}{_after('in')}",
        "COLLATE": _after("collate") + S1 + either(COLLATIONS),
        "DIRECTION": f"{_after('asc')}|{_after('desc')}",
        "NULLS": f"{_after('nulls')}({_after('first')}|{_after('last')})",
        "FRAME": S1 + _frame(ordered=False),
        "ORDERED_FRAME": S1 + _frame(ordered=True),
        "EXCLUSION": f"{_after('exclude')}"
        f"({'|'.join(map(_after, ('no others', 'current row', 'group', 'ties')))})",
        "_LIMIT": _after("limit") + S1,
        "_OFFSET": _after("offset") + S1,
        "_GROUP_BY": _after("group by"),
        "_ORDER_BY": _after("order by"),
    }
    words = "from where having window using on and or is escape when then else end"
    return any_of | {f"_{w.upper()}": _after(w) for w in words.split()}


def _after(words: str) -> str:
    return "".join(S1 + any_case(word) for word in words.split())


def _join() -> str:
    outer = f"({'|'.join(map(_after, ('left', 'right', 'full')))})({_after('outer')})?"
    kind = f"({outer}|{_after('inner')}|{_after('cross')})?"
    return kind + _after("join")


def _frame(*, ordered: bool) -> str:
    """Return the expression of a window's frame, its offsets whole numbers.

    A frame begins before it ends.

    Args:
        ordered: Whether the window has an ORDER BY of one expression, which RANGE with offsets
            needs.
    """
    first, last = _after("unbounded preceding"), _after("unbounded following")
    before, here = f"{S1}[0-9]+{_after('preceding')}", _after("current row")
    after, and_ = f"{S1}[0-9]+{_after('following')}", _after("and")
    bounds = (
        f"{first}|{before}|{here}|{_after('between')}(({first}|{before}){and_}"
        f"({before}|{here}|{after}|{last})|{here}{and_}({here}|{after}|{last})"
        f"|{after}{and_}({after}|{last}))"
    )
    if ordered:
        return f"{either(('rows', 'range', 'groups'))}({bounds})"
    plain = f"{first}|{here}|{_after('between')}(({first}|{here}){and_}({here}|{last}))"
    return f"({either(('rows', 'groups'))}({bounds})|{either(('range',))}({plain}))"


def _made_up() -> dict[str, str]:
    """Return the names that a query makes up, but for the aliases of its tables."""
    (name,) = identifiers("*", QUOTED)
    (bare_name,) = identifiers("*", AFTER_OPERAND)
    long_words = {w for w in AFTER_OPERAND if len(w) > 8}
    # And the words that these begin with, for whatever they begin with is let in.
    beginnings = {w for w in AFTER_OPERAND if any(long.startswith(w) for long in long_words)}
    (long_alias,) = identifiers("{8,}", long_words | beginnings)
    quoted = "'[^']+'|\"[^\"]+\"|`[^`]+`|\\[[^\\]]+\\]"
    return {
        "NAME": name,
        "NAME_DOT": name + "\\.",
        "WINDOW_NAME": bare_name,
        "BARE_NAME": S1 + bare_name,
        "LONG_ALIAS": long_alias,
        "BARE_LONG_ALIAS": S1 + long_alias,
        "QUOTED_NAME": quoted,
        "BARE_QUOTED_NAME": f"{S1}({quoted})",
        "DOUBLE_NAME": f'{S0}"[^"]+"',
        "QUOTED_FREE": f"{S0}(`[^`]+`|\\[[^\\]]+\\])",
        "QUOTED_DOT": f'{S0}(`[^`]+`|\\[[^\\]]+\\]|"[^"]+")\\.',
    }
