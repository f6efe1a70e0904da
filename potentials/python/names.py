"""The names that a piece of program needs and those that it binds."""

from __future__ import annotations

import builtins
import symtable
from functools import lru_cache

from potentials.python.compiling import compiles, quiet

_BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__"}


@lru_cache(maxsize=512)
def given_names(source: str) -> frozenset[str]:
    """Return the names that running a module defines at its top level, if it goes through.

    Names defined on one branch only count, those that `from m import *` brings do not; empty if the
    source does not compile.
    """
    table = _table(source)
    if table is None:
        return frozenset()
    return frozenset(
        s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported()
    )


def needed_names(source: str) -> frozenset[str]:
    """Return the names that a module looks up at its top level and does not define.

    Names of builtins are left out; those used within functions count.
    """
    table = _table(source)
    if table is None:
        return frozenset()
    used: set[str] = set()
    tables = [table]
    while tables:
        inner = tables.pop()
        tables += inner.get_children()
        used |= {
            s.get_name()
            for s in inner.get_symbols()
            if s.is_referenced() and (s.is_global() or inner is table)
        }
    return frozenset(used) - given_names(source) - _BUILTINS


def _table(source: str) -> symtable.SymbolTable | None:
    if not compiles(source):
        return None
    with quiet():
        return symtable.symtable(source, "<text>", "exec")
