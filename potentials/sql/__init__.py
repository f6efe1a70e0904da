"""Text to SQL: the grammar of a schema, scopes, clause boundaries, execution.

Importing this loads none of its modules, nor the packages they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.lazy import lazy_names

if TYPE_CHECKING:
    from potentials.sql.clauses import sql_clauses
    from potentials.sql.execution import SQLExecution
    from potentials.sql.grammar import schema_grammar
    from potentials.sql.schema import Column, Schema, Table
    from potentials.sql.scope import SQLScope

_HOMES = {
    "Column": "potentials.sql.schema",
    "SQLExecution": "potentials.sql.execution",
    "SQLScope": "potentials.sql.scope",
    "Schema": "potentials.sql.schema",
    "Table": "potentials.sql.schema",
    "schema_grammar": "potentials.sql.grammar",
    "sql_clauses": "potentials.sql.clauses",
}

__all__ = [
    "Column",
    "SQLExecution",
    "SQLScope",
    "Schema",
    "Table",
    "schema_grammar",
    "sql_clauses",
]

__getattr__ = lazy_names(__name__, _HOMES)
