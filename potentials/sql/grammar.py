"""The SELECT language of SQLite over exactly one schema, as a grammar for Lark."""

from __future__ import annotations

from potentials.sql.operands import operand_words
from potentials.sql.relations import relations
from potentials.sql.rules import rules
from potentials.sql.schema import Schema
from potentials.sql.terminals import aliases, operators, punctuation


def schema_grammar(schema: Schema) -> str:
    """Return a Lark grammar of the queries over a schema's own tables and columns.

    The language: SELECT with joins (with and without ON, USING), aliases, subqueries in FROM,
    WHERE and SELECT, set operations, aggregates and the common scalar functions, DISTINCT,
    GROUP BY, HAVING, ORDER BY, LIMIT and OFFSET, LIKE, GLOB, IN, BETWEEN, EXISTS, IS NULL,
    arithmetic, `||`, CASE, CAST, literals, quoted identifiers; keywords and names in any case. A
    query may begin with white space and end with `;`.

    A column that a table qualifies is one of that table's; one that an alias qualifies is any of
    the schema's, for only `SQLScope` knows what the alias stands for. Table aliases are at most
    eight characters long, so that a misspelled column is not taken for the start of one.

    Left out: comments, WITH, window functions, white space around the dot of `t.a`, a keyword right
    after a `)` or a quote, the name of a result column anywhere but in its definition.

    Args:
        schema: What the queries are about.

    Example:
        >>> from potentials import Grammar
        >>> from potentials.sql import Schema
        >>> from smc.potential import log_complete
        >>> schema = Schema.from_ddl("CREATE TABLE singer (id INTEGER, name TEXT)")
        >>> grammar = Grammar(schema_grammar(schema))
        >>> log_complete(grammar, "select name from singer"), log_complete(grammar, "SELECT x")
        (0.0, -inf)
    """
    words, of_kind = operand_words(schema)
    named, naming = relations(schema, of_kind)
    defined = frozenset(line.partition(":")[0] for line in naming.splitlines())
    terminals = punctuation() | operators() | aliases(schema) | words | named
    text = rules(defined, of_kind) + naming
    return text + "".join(f"{n}.{rank}: /{regexp}/\n" for n, (regexp, rank) in terminals.items())
