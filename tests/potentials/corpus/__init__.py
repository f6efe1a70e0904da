"""Lark grammars, and what must become of each: translated, in a named mode, or refused."""
