"""Automata: character sets, regular expressions and the deterministic automata they become."""
