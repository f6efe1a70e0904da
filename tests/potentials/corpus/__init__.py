"""Lark grammars, each with what must become of it: carried, in a named mode of Lark, or refused."""
