"""Query segments: the finished parts of an unfinished query, and what is known around them.

A clause is finished once the next has begun; so a piece is a query up to its last clause keyword,
or a subquery that is closed. Whatever the text goes on with, a piece stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from potentials.sql.clauses import ENDS
from potentials.sql.names import ScopeError

_TOKEN = re.compile(
    r"""(?P<skip>\s+|--[^\n]*|/\*.*?(?:\*/|\Z))
    |(?P<word>[^\W\d][\w$]*)
    |(?P<quoted>'[^']*(?:'|\Z)|"[^"]*(?:"|\Z)|`[^`]*(?:`|\Z)|\[[^\]]*(?:\]|\Z))
    |(?P<other>[\d.]+\w*|.)""",
    re.VERBOSE | re.DOTALL,
)
_SET_OPERATIONS = frozenset({"union", "intersect", "except"})
# The order of the clauses. What breaks it stays broken; a parser may be more lenient than that.
_RANKS = {"where": 1, "group": 2, "having": 3, "window": 4, "order": 5, "limit": 6}
_BEFORE_TABLE = frozenset({"from", "join", ","})


@dataclass(frozen=True)
class Level:
    """One query that the text stands in.

    Attributes:
        finished: The query up to its last clause keyword; "" if there is none yet.
        tables_known: Whether the FROM that holds for what comes next is in `finished`.
        derived: Whether the query stands where a table may, so that it sees nothing of the query
            around it.
        subqueries: The finished subqueries of the clause that is unfinished, and for each whether
            it stands where a table may.
    """

    finished: str
    tables_known: bool
    derived: bool
    subqueries: tuple[tuple[str, bool], ...]


@dataclass
class _Open:
    start: int
    derived: bool = False
    is_query: bool = False
    has_with: bool = False
    empty: bool = True
    cut: int | None = None
    tables_known: bool = False
    in_from: bool = False
    rank: int = 0
    subqueries: list[tuple[int, int, bool]] = field(default_factory=list)

    def end_clause(self, word: str, at: int, before: str) -> None:
        rank = _RANKS.get(word, 0)
        disordered = rank <= self.rank if rank else self.rank >= _RANKS["order"]
        if word != ";" and (disordered or before in ENDS or before in ("select", "from")):
            raise ScopeError(f"{word.upper()} where it cannot be")
        self.rank = rank
        self.cut = at
        self.tables_known = word not in _SET_OPERATIONS
        self.in_from = False
        self.subqueries.clear()


def levels(text: str) -> tuple[Level, ...]:
    """Return the queries that a text stands in, outermost first.

    A query that begins with WITH is the last, and its subqueries are left out: what tables they may
    name cannot be told from their own text.

    Raises:
        ScopeError: A clause is empty, or comes after one that it has to come before.
    """
    stack = [_Open(0, is_query=True, empty=False)]
    before = ""
    for token in _TOKEN.finditer(text):
        if token["skip"] is not None:
            continue
        at, symbol = token.start(), token[0].lower()
        if token["word"] is not None and token.end() == len(text):
            break
        top = stack[-1]
        if token["word"] is not None and before != ".":
            if top.empty:
                top.is_query = symbol in ("select", "with", "values")
            if symbol == "with" and before in ("", "("):
                top.has_with = True
            if top.is_query and symbol in ENDS:
                top.end_clause(symbol, at, before)
            elif top.is_query and symbol == "from":
                top.in_from = True
        top.empty = False
        if symbol == "(":
            stack.append(_Open(token.end(), top.in_from and before in _BEFORE_TABLE))
        elif symbol == ")" and len(stack) > 1:
            closed = stack.pop()
            if closed.is_query:
                around = next(o for o in reversed(stack) if o.is_query)
                around.subqueries.append((closed.start, at, closed.derived))
        elif symbol == ";" and len(stack) == 1:
            top.end_clause(symbol, at, before)
        before = symbol
    queries = [o for o in stack if o.is_query]
    known = next((n for n, o in enumerate(queries, 1) if o.has_with), len(queries))
    return tuple(
        Level(
            text[o.start : o.cut] if o.cut is not None else "",
            o.tables_known,
            o.derived,
            () if o.has_with else tuple((text[a:b], derived) for a, b, derived in o.subqueries),
        )
        for o in queries[:known]
    )
