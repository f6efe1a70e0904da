"""Ready-made potentials of smc-lm. Importing this loads none of them, nor what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smc.lazy import lazy_names

if TYPE_CHECKING:
    from potentials.grammar import Grammar
    from potentials.grammar.json_schema import JSONSchema
    from potentials.grammar.mask_limits import Limits, MaskLimits
    from potentials.grammar.regex import Regex
    from potentials.language_model import contrast, likelihood, mixture
    from potentials.marks import after_mark, between
    from potentials.output_types import Choice, OutputType
    from potentials.python import PythonExecution, PythonSyntax, PythonTests, python_statements

_HOMES = {
    "Choice": "potentials.output_types.choice",
    "Grammar": "potentials.grammar.grammar",
    "JSONSchema": "potentials.grammar.json_schema",
    "Limits": "potentials.grammar.mask_limits",
    "MaskLimits": "potentials.grammar.mask_limits",
    "OutputType": "potentials.output_types.output_type",
    "PythonExecution": "potentials.python",
    "PythonSyntax": "potentials.python",
    "PythonTests": "potentials.python",
    "Regex": "potentials.grammar.regex",
    "after_mark": "potentials.marks",
    "between": "potentials.marks",
    "contrast": "potentials.language_model",
    "likelihood": "potentials.language_model",
    "mixture": "potentials.language_model",
    "python_statements": "potentials.python",
}

__all__ = [
    "Choice",
    "Grammar",
    "JSONSchema",
    "Limits",
    "MaskLimits",
    "OutputType",
    "PythonExecution",
    "PythonSyntax",
    "PythonTests",
    "Regex",
    "after_mark",
    "between",
    "contrast",
    "likelihood",
    "mixture",
    "python_statements",
]

__getattr__ = lazy_names(__name__, _HOMES)
