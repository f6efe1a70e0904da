"""Automata layer: character sets, regular expressions and the DFAs they become."""
