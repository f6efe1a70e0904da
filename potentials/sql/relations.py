"""The names of a schema's tables and of their columns: terminals, and the rules that use them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from potentials.sql.schema import Column, Schema, Table
from potentials.sql.terminals import FIRST, OPERATOR, alias_name
from potentials.sql.words import TABLE_WORDS, any_case, either, is_bare, quotings

_S0 = "[ \\t\\r\\n]*"


def relations(
    schema: Schema, of_kind: Mapping[str, Sequence[str]]
) -> tuple[dict[str, tuple[str, int]], str]:
    """Return the terminals of these names, and the rules.

    The rules are `table_w`, `table_p`, `column_w`, `column_p`, `every_w` (`t.*`), `every_p` and
    `any_column`, `_w` with a word at the start and `_p` with punctuation; one that has no text
    is left out.

    Args:
        schema: What the names are from.
        of_kind: The terminals of each kind of word that an operand may start with.
    """
    terminals: dict[str, tuple[str, int]] = {}
    choices: dict[str, list[str]] = {n: [] for n in _RULES}
    bare = [t for t in schema.tables if is_bare(t.name) or t.name.lower() in TABLE_WORDS]
    plain = [n for k in _PLAIN for n in of_kind.get(k, [])]
    columns = {c.name for t in schema.tables for c in t.columns}
    quoted = sorted(c for c in columns if not is_bare(c))
    choices["column_w"] += plain
    choices["any_column"] += plain
    if quoted:
        terminals["QUOTED_COLUMN"] = (f"{_S0}{either(_all(quoted, 1))}", OPERATOR)
        terminals["ANY_QUOTED_COLUMN"] = (either(_all(quoted)), OPERATOR)
        choices["column_p"].append("QUOTED_COLUMN")
        choices["any_column"].append("ANY_QUOTED_COLUMN")
    if bare:
        terminals["TABLE"] = (either(t.name for t in bare), OPERATOR)
        choices["table_w"].append("TABLE")
    terminals["QUOTED_TABLE"] = (
        _S0 + either(q for t in schema.tables for q in quotings(t.name)),
        OPERATOR,
    )
    choices["table_p"].append("QUOTED_TABLE")
    terminals["_ALIAS_DOT"] = (f"{alias_name(schema)}\\.", FIRST)
    terminals["EVERY"] = ("\\*", OPERATOR)
    choices["column_w"].append("_ALIAS_DOT any_column")
    choices["every_w"].append("_ALIAS_DOT EVERY")
    for i, table in enumerate(schema.tables):
        flavour = "w" if is_bare(table.name) else "p"
        dot = any_case(table.name) if is_bare(table.name) else _S0 + either(quotings(table.name))
        terminals[f"TABLE_{i}_DOT"] = (f"{dot}\\.", FIRST)
        terminals[f"COLUMNS_{i}"] = (either(_own(table)), OPERATOR)
        choices[f"column_{flavour}"].append(f"TABLE_{i}_DOT COLUMNS_{i}")
        choices[f"every_{flavour}"].append(f"TABLE_{i}_DOT EVERY")
    return terminals, "".join(f"{n}: {' | '.join(c)}\n" for n, c in choices.items() if c)


_RULES = ("table_w", "table_p", "column_w", "column_p", "every_w", "every_p", "any_column")
_PLAIN = ("COLUMN", "COUNT_OR_COLUMN", "FUNCTION_OR_COLUMN")


def _own(table: Table) -> list[str]:
    return [form for column in table.columns for form in _forms(column)]


def _forms(column: Column) -> list[str]:
    return [column.name] if is_bare(column.name) else quotings(column.name)


def _all(names: Sequence[str], first: int = 0) -> list[str]:
    """Return the quoted forms of names; `first` = 1 without double quotes, which strings have."""
    return [form for name in names for form in quotings(name)[first:]]
