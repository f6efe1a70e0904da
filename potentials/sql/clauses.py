"""Clause boundaries: where a clause of a query ends, read one character at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace

ENDS = frozenset(
    {"where", "group", "having", "order", "limit", "union", "intersect", "except", "window"}
)
_CLOSING = {"'": "'", '"': '"', "`": "`", "[": "]"}


@dataclass(frozen=True)
class ClauseState:
    """What the text so far leaves open.

    Attributes:
        inside: The character that ends the string, quoted name or comment that the text stands in;
            "" outside of all of them.
        last: The last character, where it may start or end a comment.
        word: The word that the text ends in, in lower case.
        after_dot: Whether that word is the part of a name after a dot.
        opened: Whether the text's last symbol is an opening parenthesis.
        queries: For each open parenthesis, whether a query follows it.
    """

    inside: str = ""
    last: str = ""
    word: str = ""
    after_dot: bool = False
    opened: bool = False
    queries: tuple[bool, ...] = ()


class SQLClauses:
    """Fires in every token that ends a clause: see `sql_clauses`."""

    def start(self) -> ClauseState:
        """Return the state of the empty text."""
        return ClauseState()

    def advance(self, state: ClauseState, text: str) -> tuple[ClauseState, bool]:
        """Take the text of one token."""
        fires = False
        for char in text:
            state, fired = _read(state, char)
            fires = fires or fired
        return state, fires


def sql_clauses() -> SQLClauses:
    """Return the boundary at the end of every clause of a query.

    It fires at the character after WHERE, GROUP, HAVING, ORDER, LIMIT, UNION, INTERSECT or EXCEPT
    (before it, the word might still go on), which ends the clause before; at the parenthesis that
    closes a subquery; and at `;`. Strings, quoted names and comments end nothing.

    Example:
        >>> boundary = sql_clauses()
        >>> state, fires = boundary.advance(boundary.start(), "SELECT a FROM t WHERE")
        >>> fires, boundary.advance(state, " a")[1]
        (False, True)
    """
    return SQLClauses()


def _read(state: ClauseState, char: str) -> tuple[ClauseState, bool]:
    if state.inside:
        return _within(state, char), False
    if char.isalnum() or char in "_$":
        word = state.word + char.lower()
        return replace(state, word=word, last="", opened=state.opened), False
    state, fires = _word_ended(state)
    if state.last + char in ("--", "/*"):
        end = "\n" if char == "-" else "/"
        return replace(state, inside=end, last="", opened=state.opened), fires
    if char.isspace():
        return replace(state, last=""), fires
    if char in _CLOSING:
        return replace(state, inside=_CLOSING[char], last="", opened=False, after_dot=False), fires
    if char == "(":
        return replace(
            state, last="", opened=True, after_dot=False, queries=(*state.queries, False)
        ), fires
    if char == ")":
        closes = bool(state.queries) and state.queries[-1]
        ended = replace(state, last="", opened=False, after_dot=False, queries=state.queries[:-1])
        return ended, fires or closes
    # A first `-` or `/` does not yet say whether a comment comes, so `opened` stays as it is.
    maybe = char in "-/"
    return replace(
        state,
        last=char if maybe else "",
        opened=state.opened and maybe,
        after_dot=char == ".",
    ), fires or char == ";"


def _within(state: ClauseState, char: str) -> ClauseState:
    if state.inside == "/":
        ended = state.last == "*" and char == "/"
        return replace(state, inside="" if ended else "/", last="" if ended else char)
    return replace(state, inside="" if char == state.inside else state.inside)


def _word_ended(state: ClauseState) -> tuple[ClauseState, bool]:
    if not state.word:
        return state, False
    queries = state.queries
    if state.opened and state.word in ("select", "with", "values"):
        queries = (*queries[:-1], True)
    fires = state.word in ENDS and not state.after_dot
    return replace(state, word="", opened=False, after_dot=False, queries=queries), fires
