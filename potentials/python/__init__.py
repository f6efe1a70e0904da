"""Python code: statement boundaries, syntax, execution, tests.

Importing this loads none of its modules, nor the packages they need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.lazy import lazy_names

if TYPE_CHECKING:
    from potentials.python.execution import PythonExecution
    from potentials.python.statements import Statements, python_statements, split_statements
    from potentials.python.syntax import PythonSyntax
    from potentials.python.testing import PythonTests

_HOMES = {
    "PythonExecution": "potentials.python.execution",
    "PythonSyntax": "potentials.python.syntax",
    "PythonTests": "potentials.python.testing",
    "Statements": "potentials.python.statements",
    "python_statements": "potentials.python.statements",
    "split_statements": "potentials.python.statements",
}

__all__ = [
    "PythonExecution",
    "PythonSyntax",
    "PythonTests",
    "Statements",
    "python_statements",
    "split_statements",
]

__getattr__ = lazy_names(__name__, _HOMES)
