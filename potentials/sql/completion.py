"""Query completion: the smallest runnable query that the beginning of a query stands for.

Only finished parts are kept: the clause that is being written is cut off, open parentheses are
closed, and an enclosing query whose FROM is not finished is replaced by `SELECT 1 FROM (…)`. What
is wrong with names in the rest can be put right by nothing that follows, except by the FROM clause
of an enclosing query that is still to come; such prefixes have no completion.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*(?:\n|$)|/\*.*?(?:\*/|$))
      | (?P<quoted>'(?:[^']|'')*(?:'|$)|"(?:[^"]|"")*(?:"|$)|`(?:[^`]|``)*(?:`|$)|\[[^\]]*(?:\]|$))
      | (?P<blob>[xX]'[^']*(?:'|$))
      | (?P<word>[^\W\d][\w$]*)
      | (?P<other>\d[\w.]*|.)""",
    re.VERBOSE | re.DOTALL,
)

_LATER = frozenset("where group having order limit union intersect except".split())
"""Words that no table or column is called unquoted, and that end the clause before them."""

_BEFORE = {
    "with": frozenset({""}),
    "values": frozenset({"", "with", "later"}),
    "select": frozenset({"", "with", "later"}),
    "from": frozenset({"select"}),
    "later": frozenset({"select", "from", "values", "later"}),
}
"""The clauses that each clause may follow; `later` stands for all after FROM."""

_OPERAND_AFTER = frozenset({"from", "join", ","})


@dataclass(frozen=True)
class Token:
    """A word (in lower case), a quoted string or name, a blob, a number, or one other character.

    Attributes:
        text: Words in lower case, the rest as written.
        start: Offset of its first character.
        end: Offset after its last.
        word: Whether it is an unquoted name or keyword.
    """

    text: str
    start: int
    end: int
    word: bool


@dataclass(frozen=True)
class Completion:
    """A runnable query made of the finished parts of a text.

    Attributes:
        sql: The query.
        whole: Whether it begins with the text's own outermost SELECT, so that the shape of its
            result is that of every extension.
        nested: Whether parentheses were closed, or an enclosing query replaced.
    """

    sql: str
    whole: bool
    nested: bool


@dataclass
class _Level:
    """What is open: the statement itself, or a parenthesis.

    Attributes:
        begin: Offset of its first character, after the parenthesis.
        before: The token before the parenthesis.
        query: Whether it holds a query; None before its first token.
        clause: `with`, `select`, `from`, `values`, or `later` for all that follow FROM.
        clause_at: Offset of the keyword of the clause.
        has_with: Whether the query begins with WITH.
    """

    begin: int = 0
    before: str = ""
    query: bool | None = None
    clause: str = ""
    clause_at: int = 0
    has_with: bool = False

    def read(self, token: Token, before: str) -> None:
        """Take a token that stands at this level."""
        if self.query is None:
            self.query = token.word and token.text in ("select", "with", "values")
        if not self.query or not token.word or before == ".":
            return
        clause = "later" if token.text in _LATER else token.text
        if self.clause not in _BEFORE.get(clause, ()) or (clause, before) == ("from", "distinct"):
            return
        self.has_with = self.has_with or clause == "with"
        self.clause, self.clause_at = clause, token.start


@dataclass
class _OpenLevels:
    """The open levels at the end of a text, and whether the innermost query has just ended."""

    levels: list[_Level] = field(default_factory=lambda: [_Level()])
    ended_at: int | None = None


def tokens(text: str) -> list[Token]:
    """Return the tokens of SQL text, without white space and comments."""
    read = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        if kind != "space":
            shown = match.group().lower() if kind == "word" else match.group()
            read.append(Token(shown, match.start(), match.end(), kind == "word"))
    return read


def complete(text: str) -> Completion | None:
    """Return the smallest runnable query of the finished parts of a text; None if there is none.

    Names that cannot be resolved in it cannot be in any extension of the text either.

    Args:
        text: The beginning of a SELECT statement, ending anywhere. A word that touches the end
            may yet grow, so it counts as unfinished.

    Example:
        >>> complete("SELECT a FROM t WHERE b IN (SELECT c FROM u WHERE ").sql
        'SELECT a FROM t WHERE b IN (SELECT c FROM u)'
        >>> complete("SELECT a FROM (SELECT c FROM u WHERE ").sql
        'SELECT 1 FROM (SELECT c FROM u)'
        >>> complete("SELECT a FROM t") is None
        True
    """
    reading = _read(text)
    if reading is None:
        return None
    levels = list(reading.levels)
    while levels and not levels[-1].query:
        levels.pop()
    if not levels:
        return None
    inner = levels[-1]
    if reading.ended_at is None and inner.clause != "later":
        return None
    # The end of a line stays, as it may be that of a comment.
    end = inner.clause_at if reading.ended_at is None else reading.ended_at
    return _enclosed(text, levels, text[inner.begin : end].rstrip(" "))


def _read(text: str) -> _OpenLevels | None:
    """Follow the levels of a text; None where parentheses do not match or text follows a `;`."""
    read = tokens(text)
    if read and read[-1].word and read[-1].end == len(text):
        read.pop()
        growing = True
    else:
        growing = False
    reading = _OpenLevels()
    before = ""
    for index, token in enumerate(read):
        last = index == len(read) - 1 and not growing
        levels = reading.levels
        if token.text == "(":
            levels[-1].read(token, before)
            levels.append(_Level(token.end, before))
        elif token.text == ")":
            if len(levels) == 1:
                return None
            if last and levels[-1].query:
                reading.ended_at = token.start
                break
            levels.pop()
        elif token.text == ";":
            if not last or len(levels) > 1:
                return None
            reading.ended_at = token.start
        else:
            levels[-1].read(token, before)
        before = token.text
    return reading


def _enclosed(text: str, levels: list[_Level], sql: str) -> Completion | None:
    """Wrap the innermost query into what encloses it."""
    whole = True
    for depth in range(len(levels) - 2, -1, -1):
        outer, child = levels[depth], levels[depth + 1]
        if not outer.query or outer.clause == "later":
            sql = f"{text[outer.begin : child.begin]}{sql})"
        elif outer.clause == "from" and child.query and child.before in _OPERAND_AFTER:
            # FROM sees none of its siblings, but may be told of tables by a WITH.
            if outer.has_with:
                return None
            sql, whole = f"SELECT 1 FROM ({sql})", False
        else:
            return None
    return Completion(sql, whole, len(levels) > 1)
