"""Rewrite layer: grammars made exact for llguidance, and written in its dialect."""
