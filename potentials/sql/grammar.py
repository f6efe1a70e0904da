"""The SELECT language of SQLite over exactly one schema, as a grammar for Lark."""

from __future__ import annotations

import re

from potentials.sql.expression_rules import expression_rules
from potentials.sql.query_rules import query_rules
from potentials.sql.schema import Schema
from potentials.sql.schema_rules import schema_rules
from potentials.sql.terminals import fixed_terminals


def schema_grammar(schema: Schema, *, forward: bool = True) -> str:
    """Return a Lark grammar of the queries over a schema's own tables and columns.

    The language: SELECT and VALUES with joins (with and without ON, USING), aliases, subqueries
    wherever SQLite takes them, WITH (also recursive), set operations, aggregates, FILTER, windows,
    the common scalar functions, DISTINCT, GROUP BY, HAVING, ORDER BY, LIMIT and OFFSET, all
    operators but those of JSON, row values, CASE, CAST, COLLATE, literals, quoted identifiers;
    keywords and names in any case. A query may begin with white space and end with `;`.

    A column that a table qualifies is one of that table's (of a few tables' in schemas of more
    than 40); one that an alias qualifies is any of the schema's, for only `SQLScope` knows what the
    alias stands for. Names that a query gives (to results, to tables of a WITH, to subqueries) are
    any, where it may have given one: after `SELECT a AS b` the clauses after FROM; where FROM has
    a subquery, or an alias that is a table's name or longer than eight characters, these and the
    SELECT list before it; in a query that begins with WITH, all of it. Elsewhere aliases of
    tables are at most eight characters long (seven after the part that a table's name starts with),
    so that a misspelled column is not taken for the start of one.

    Left out: comments, white space around the dot of `t.a`, a keyword right after a quote, a sign
    after a minus, IS DISTINCT FROM, table functions, INDEXED BY, MATERIALIZED, bare names outside
    of ASCII that the schema does not have. In schemas whose column names have more than 8,000
    characters together, names that need no quotes are not taken in them.

    Args:
        schema: What the queries are about.
        forward: Whether a SELECT list may use names that only the FROM after it defines, as
            `SELECT avg(n) FROM (SELECT count(*) AS n FROM t GROUP BY a)` does. Until FROM has come
            any name may then be such a one; without, an unknown column is refused at once.

    Example:
        >>> from potentials import Grammar
        >>> from potentials.sql import Schema
        >>> from smc.potential import log_complete
        >>> schema = Schema.from_ddl("CREATE TABLE singer (id INTEGER, name TEXT)")
        >>> grammar = Grammar(schema_grammar(schema))
        >>> log_complete(grammar, "select name from singer"), log_complete(grammar, "SELECT x")
        (0.0, -inf)
    """
    names = schema_rules(schema)
    rules = query_rules(forward=forward) + expression_rules() + names.text()
    terminals = fixed_terminals() | names.terminals
    used = set(re.findall(r"\b_?[A-Z][A-Z_0-9]*\b", rules))
    return rules + "".join(f"{n}: /{text}/\n" for n, text in terminals.items() if n in used)
