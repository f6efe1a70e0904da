"""A griffe extension: the section `Example:` of a docstring is what griffe calls `Examples:`.

It knows the plural alone, and would show doctests as quotations.
"""

from __future__ import annotations

import re
from typing import Any

import griffe


class PluralExamples(griffe.Extension):
    """Rewrites the heading where a docstring is read."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the docstring of an object that was loaded."""
        if obj.docstring is not None:
            text = obj.docstring.value
            obj.docstring.value = re.sub(r"^Example:$", "Examples:", text, flags=re.MULTILINE)
