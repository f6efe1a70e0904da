"""Contextual lexing: which terminals match where, and where longest match and Lark part."""
