"""Name binding in an unfinished clause: names that nothing can bind any more.

The parser judges finished clauses; this reads the tokens of the rest. A name after FROM has to be
of what FROM holds, or of the queries around it, so it is lost as soon as it is written. A name in
or before FROM may still be bound by the next table, but not if two tables bind it already.

It errs on one side alone: where it does not follow (WITH, joins in parentheses, windows) every name
is bound.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from potentials.sql.completion import Token, tokens
from potentials.sql.names import ScopeError, Source
from potentials.sql.words import CONSTANTS, QUOTED

_SET_OPERATIONS = frozenset({"union", "intersect", "except"})
_AFTER_FROM = frozenset({"where", "group", "having", "order", "limit"})
_JOINS = frozenset({"natural", "left", "right", "full", "inner", "outer", "cross", "join"})
# Where these come, names may mean something that is not followed here.
_UNCLEAR = frozenset({"values", "window", "over", "filter", "indexed", "not", "match"})
# After a call these begin what may name a window that is still to come.
_WINDOWS = frozenset({"over", "filter"})
# Words that stand where a column may. More of them here would only make it more lenient.
_NO_COLUMNS = (
    QUOTED
    | _JOINS
    | frozenset(
        """
        any asc by current_time desc end first glob ignore last like nulls of offset over partition
        range regexp rows
        """.split()
    )
)
# After these, a word is an alias.
_OPERANDS = CONSTANTS | {"end"}


@dataclass
class _Query:
    """A query that the text stands in.

    Attributes:
        derived: Whether it stands where a table may, and so sees nothing of the query around it.
        part: `select`, `from` or `after`; "" before the first.
        unclear: Whether any name may be bound in it.
        results: The names that it gives to results, which later clauses may use.
        mentions: Qualifiers and names that FROM has to bind; a name that is not known yet is "".
        sources: What FROM holds.
        newest: Its last table, which may yet get an alias.
        expects: Whether a table comes next.
        in_on: Whether the text is in the condition of a join.
    """

    derived: bool = False
    part: str = ""
    unclear: bool = False
    compound: bool = False
    results: set[str] = field(default_factory=set)
    mentions: list[tuple[str, str]] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    newest: Source | None = None
    expects: bool = False
    in_on: bool = False

    def settle(self, *, expects: bool = False, in_on: bool = False) -> None:
        """Take the last table as it is, since no alias follows."""
        if self.newest is not None:
            self.sources.append(self.newest)
            self.newest = None
        self.expects, self.in_on = expects, in_on
        self.check()

    def check(self) -> None:
        """Look for a name that FROM binds twice, and so will whatever follows.

        Raises:
            ScopeError: There is one.
        """
        if not self.unclear:
            for table, column in self.mentions:
                self.binds(table, column)

    def binds(self, table: str, column: str) -> bool:
        """Whether FROM, as far as it goes, binds a name.

        Raises:
            ScopeError: It does so twice.
        """
        named = [s for s in self.sources if table in ("", s.name)]
        if not column:
            return bool(named)
        owners = [s for s in named if s.kind(column) is not None]
        if table and len(owners) > 1:
            raise ScopeError(f"ambiguous column {table}.{column}")
        return bool(owners) or (not table and column in self.results)


def check_names(text: str, tables: Mapping[str, Mapping[str, str]]) -> None:
    """Look for a name that nothing can bind any more, whatever follows.

    Args:
        text: The beginning of a query, ending anywhere. A word that touches the end may yet grow.
        tables: The kind of each column of each table; names in lower case.

    Raises:
        ScopeError: There is one.
    """
    reader = _Reader(text, tables)
    for index, token in enumerate(reader.tokens):
        if token.text == "with":
            return
        reader.read(index)


class _Reader:
    def __init__(self, text: str, tables: Mapping[str, Mapping[str, str]]) -> None:
        self.tables = tables
        self.tokens = tokens(text)
        self.end = len(text)
        if self.tokens and self.tokens[-1].text in ("-", "/") and self.tokens[-1].end == self.end:
            self.tokens.pop()  # a comment may come of it
        self.queries = [_Query()]
        self.parentheses: list[bool] = []  # whether a query is in each

    def read(self, index: int) -> None:
        """Take a token."""
        token, query = self.tokens[index], self.queries[-1]
        own = not self.parentheses or self.parentheses[-1]
        if token.text == "(":
            self._opened(query, index)
        elif token.text == ")":
            self._closed(query)
        elif token.text == ";" and not self.parentheses:
            self._bind_all(query)
        elif token.text == "," and own and query.part == "from":
            query.settle(expects=True)
        elif token.word or token.text[0] in "\"`['":
            if self._text(index - 1) in (".", "collate"):
                return
            if self._grows(index) or (token.word and own and self._clause(query, index)):
                return
            if query.part == "from" and not query.in_on:
                self._table(query, index, own=own)
            elif query.part == "select" and self._is_new(index) and token.text not in _WINDOWS:
                query.results.add(_unquoted(token))
            elif query.part:
                self._column(query, index)

    def _text(self, index: int) -> str:
        return self.tokens[index].text if 0 <= index < len(self.tokens) else ""

    def _grows(self, index: int) -> bool:
        return index == len(self.tokens) - 1 and self.tokens[index].end == self.end

    def _opened(self, query: _Query, index: int) -> None:
        holds_query = self._text(index + 1) in ("select", "values")
        derived = query.expects and (not self.parentheses or self.parentheses[-1])
        self.parentheses.append(holds_query)
        if query.part == "from" and not query.in_on and not holds_query:
            # USING tells of columns alone; the rest are functions, and joins.
            query.unclear = query.unclear or self._text(index - 1) != "using"
        if holds_query:
            query.expects = query.expects and not derived
            self.queries.append(_Query(derived))

    def _closed(self, query: _Query) -> None:
        if self.parentheses and self.parentheses.pop():
            self._bind_all(query)
            self.queries.pop()
            if query.derived:
                self.queries[-1].newest = Source("", None)

    def _clause(self, query: _Query, index: int) -> bool:
        """Take a word that begins a part of the query; return whether it does."""
        word, before = self.tokens[index].text, self._text(index - 1)
        if before == "as":
            return False
        if word == "select":
            query.part = "select"
        elif word == "from" and query.part == "select" and before != "distinct":
            query.part, query.expects = "from", True
        elif word in _SET_OPERATIONS:
            self._bind_all(query)
            query.part, query.compound = "", True
            query.results, query.mentions, query.sources = set(), [], []
        elif word in _AFTER_FROM:
            self._bind_all(query)
            query.part = "after"
            # ORDER BY of a set operation sees the results of all its members.
            query.unclear = query.unclear or word == "limit" or (query.compound and word == "order")
        elif word == "window" and self._text(index + 2) == "as" and self._text(index + 3) == "(":
            query.settle()
            query.unclear = True
        elif query.part == "from" and word in _JOINS:
            query.settle(expects=word == "join")
        elif query.part == "from" and word in ("on", "using"):
            query.settle(in_on=word == "on")
        else:
            return False
        return True

    def _table(self, query: _Query, index: int, *, own: bool) -> None:
        token, following = self.tokens[index], self._text(index + 1)
        if not own or token.text == "as":
            return
        name = _unquoted(token)
        if query.expects:
            query.expects = False
            if following in (".", "(") or token.text[0] == "'" or (token.word and name in QUOTED):
                query.unclear = True
            elif name not in self.tables:
                if index < len(self.tokens) - 1 and not query.unclear:
                    raise ScopeError(f"no table {name}")
            else:
                query.newest = Source(name, self.tables[name])
        elif query.newest is None or (token.word and name in _UNCLEAR):
            query.unclear = True
        else:
            query.newest = Source(name, query.newest.columns)

    def _column(self, query: _Query, index: int) -> None:
        """Take a word or quoted text that stands where a column may."""
        token, after = self.tokens[index], self._text(index + 1)
        if token.word and token.text in _UNCLEAR - {"not"}:
            query.unclear = True
        if not after or after == "(" or token.text[0] == "'" or self._is_new(index):
            return
        if token.word and token.text in _NO_COLUMNS:
            return
        table, column = "", _unquoted(token)
        if after == ".":
            table, column = column, ""
            if index + 2 < len(self.tokens) and not self._grows(index + 2):
                column = _unquoted(self.tokens[index + 2])
                if self._text(index + 3) == "." or self._text(index + 2) in ("*", "'"):
                    column = ""
        elif token.text[0] == '"':
            return  # a string, where it is the name of no column
        if query.part == "after":
            self._require(table, column, len(self.queries) - 1)
        else:
            query.mentions.append((table, column))
            query.check()

    def _is_new(self, index: int) -> bool:
        """Whether a token stands after AS or an operand, where only a new name may be."""
        if index == 0:
            return False
        before = self.tokens[index - 1]
        if before.word:
            return before.text in _OPERANDS or before.text not in _NO_COLUMNS - {"as"}
        return before.text == ")" or before.text[0] in "\"`['0123456789xX"  # as x'00'

    def _bind_all(self, query: _Query) -> None:
        query.settle()
        for table, column in query.mentions:
            self._require(table, column, len(self.queries) - 1)

    def _require(self, table: str, column: str, depth: int) -> None:
        if not self._bound((table, column), depth):
            raise ScopeError(f"no column {table + '.' if table else ''}{column}")

    def _bound(self, mention: tuple[str, str], depth: int) -> bool:
        for at in self._seen(depth):
            query = self.queries[at]
            unknown = query.unclear or (at < depth and query.part != "after")
            if unknown or query.binds(*mention):
                return True
        return False

    def _seen(self, depth: int) -> Iterator[int]:
        """Yield the queries that a query sees, from the inside out."""
        while depth >= 0:
            yield depth
            while depth >= 0 and self.queries[depth].derived:
                depth -= 1
            depth -= 1


def _unquoted(token: Token) -> str:
    if token.word:
        return token.text
    quote = token.text[0]
    return token.text[1:-1].replace(quote * 2, quote).lower()
