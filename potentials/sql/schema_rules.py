"""Rules and terminals of a schema's grammar for the names of its tables and columns.

The names of one role are one terminal, a prefix tree, so that the grammar grows with the sum of
their lengths. A column that a table qualifies is one of the table's own; beyond `MOST_ALONE`
tables, one of a group of tables'.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from potentials.sql.schema import Schema, Table
from potentials.sql.terminals import S0, S1
from potentials.sql.tries import any_case, choices, identifiers
from potentials.sql.words import AFTER_OPERAND, ROW_IDS, TABLE_WORDS, is_bare, quotings

MOST_ALONE = 40
"""Tables up to which each has terminals of its own: a translation compares all with all."""

_GROUPS = 10
"""Of tables, where there are more."""

_MOST_QUOTED = 8000
"""Characters of column names up to which names that need no quotes are also offered in them."""

_ALIAS_TAIL = 7
"""Characters of an alias after it has left what tables and keywords start with."""

# The modes in which names that the query makes up may stand: see `expression_rules`.
_FREE_MODES = "ft"


@dataclass
class NameRules:
    """Rules and terminals as they are gathered."""

    terminals: dict[str, str] = field(default_factory=dict)
    alternatives: dict[str, list[str]] = field(default_factory=dict)

    def terminal(self, role: str, names: Iterable[str], before: str = "") -> list[str]:
        """Add what matches some texts, each after `before`; return the terminals' names."""
        added = {f"{role}_{i}": before + text for i, text in enumerate(choices(names))}
        self.terminals |= added
        return list(added)

    def rule(self, name: str, *alternatives: str) -> None:
        """Add alternatives to a rule."""
        self.alternatives.setdefault(name, []).extend(alternatives)

    def text(self) -> str:
        """Return the rules as Lark reads them, without those that have no alternative."""
        return "".join(f"{n}: {' | '.join(b)}\n" for n, b in self.alternatives.items() if b)


def schema_rules(schema: Schema) -> NameRules:
    """Return the rules of a schema's names.

    They are, `_w` with a word at the start and `_p` with punctuation, and `_c`, `_f` and `_t` for
    the modes: `table_w`, `table_p`, `table_alias`, `column_w_c` and its kin, `every_w_c` (`t.*`)
    and its kin, `column_name_c` and its kin (in USING), `alias`.
    """
    rules = NameRules()
    columns = {c.name for t in schema.tables for c in t.columns}
    short = sum(map(len, columns)) <= _MOST_QUOTED
    quoted = columns if short else {c for c in columns if not is_bare(c)}
    _any_column(rules, columns, quoted)
    size = 1 if len(schema.tables) <= MOST_ALONE else -(-len(schema.tables) // _GROUPS)
    for i in range(0, len(schema.tables), size):
        _group(rules, str(i // size), schema.tables[i : i + size], quoted)
    _tables(rules, [t.name for t in schema.tables])
    return rules


def _any_column(rules: NameRules, columns: set[str], quoted: set[str]) -> None:
    """Add the columns of all tables together, and those that only a query knows."""
    bare = {c for c in columns if is_bare(c)} | ROW_IDS
    words = rules.terminal("COLUMN", bare)
    back = rules.terminal("QUOTED_COLUMN", (q for c in quoted for q in quotings(c)[1:]), S0)
    # In double quotes it is a string, where a string may stand.
    double = rules.terminal("DOUBLE_COLUMN", (quotings(c)[0] for c in quoted), S0)
    rules.rule("column_w_c", *words)
    rules.rule("column_p_c", *back)
    rules.rule("column_name_c", *words, *back, *double)
    # `NAME` is ASCII without `$`.
    others = ["column_w_c"] if any("$" in c or not c.isascii() for c in bare) else []
    for mode in _FREE_MODES:
        rules.rule(f"column_w_{mode}", "NAME", "NAME_DOT free_name", *others)
        rules.rule(f"column_p_{mode}", "QUOTED_FREE", "QUOTED_DOT free_name")
        rules.rule(f"every_w_{mode}", "NAME_DOT EVERY")
        rules.rule(f"every_p_{mode}", "QUOTED_DOT EVERY")
        rules.rule(f"column_name_{mode}", "free_name")


def _group(rules: NameRules, i: str, tables: Sequence[Table], quoted: set[str]) -> None:
    """Add the names of some tables, and of their columns where a table qualifies them."""
    names = [t.name for t in tables]
    columns = {c.name for t in tables for c in t.columns}
    bare = {c for c in columns if is_bare(c)} | ROW_IDS
    others = (q for c in columns & quoted for q in quotings(c))
    rules.rule(f"column_of_{i}", *rules.terminal(f"COLUMN_OF_{i}", bare))
    rules.rule(f"column_of_{i}", *rules.terminal(f"QUOTED_COLUMN_OF_{i}", others, S0))
    for flavour, forms, before in (
        ("w", [n for n in names if is_bare(n)], ""),
        ("p", [q for n in names for q in quotings(n)], S0),
    ):
        dots = rules.terminal(f"TABLE_{flavour.upper()}_{i}_DOT", (f"{n}." for n in forms), before)
        rules.rule(f"column_{flavour}_c", *(f"{t} column_of_{i}" for t in dots))
        rules.rule(f"every_{flavour}_c", *(f"{t} EVERY" for t in dots))


def _tables(rules: NameRules, names: Sequence[str]) -> None:
    """Add the tables that FROM may name."""
    bare = {n for n in names if is_bare(n)}
    words = rules.terminal("TABLE", bare)
    quoted = rules.terminal("QUOTED_TABLE", (q for n in names for q in quotings(n)), S0)
    special = rules.terminal("TABLE_WORD", (n for n in names if n.lower() in TABLE_WORDS))
    rules.terminals["MAIN_DOT"] = any_case("main.")
    rules.rule("table_w", *words, *special, *(f"MAIN_DOT {t}" for t in (*words, *quoted)))
    rules.rule("table_p", *quoted)
    rules.rule("table_alias", "_AS QUOTED_NAME", *(f"_AS {t}" for t in words))
    taken = (n for n in bare if n.lower() not in AFTER_OPERAND)
    rules.rule("table_alias", *rules.terminal("BARE_TABLE", taken, S1))
    _aliases(rules, bare)


def _aliases(rules: NameRules, tables: set[str]) -> None:
    """Add the aliases of tables that let a query stay closed.

    An alias that qualifies is no table's name: the columns are then the table's own.
    """
    expressions = identifiers(f"{{0,{_ALIAS_TAIL}}}", AFTER_OPERAND | _confusable(tables))
    for i, expression in enumerate(expressions):
        rules.terminals[f"ALIAS_{i}"] = expression
        rules.terminals[f"ALIAS_{i}_DOT"] = expression + "\\."
        rules.terminals[f"BARE_ALIAS_{i}"] = S1 + expression
        rules.rule("alias", f"_AS ALIAS_{i}", f"BARE_ALIAS_{i}")
        rules.rule("column_w_c", f"ALIAS_{i}_DOT column_name_c")
        rules.rule("every_w_c", f"ALIAS_{i}_DOT EVERY")


def _confusable(tables: set[str]) -> set[str]:
    """Return the tables that an alias might be, were it not kept from being so."""
    left = {t.lower() for t in tables if t.isascii() and "$" not in t}
    confusable: set[str] = set()
    beginnings = {w[:n] for w in AFTER_OPERAND for n in range(len(w) + 1)}
    while True:
        new = {t for t in left if len(t) <= _departure(t, beginnings) + _ALIAS_TAIL}
        if not new:
            return confusable
        left -= new
        confusable |= new
        beginnings |= {w[:n] for w in new for n in range(len(w) + 1)}


def _departure(word: str, beginnings: set[str]) -> int:
    """Return the length of the shortest text that a word starts with and none of the others."""
    return next((n for n in range(1, len(word)) if word[:n] not in beginnings), len(word))
