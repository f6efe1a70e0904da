"""Reasoning: eleven kinds of generated puzzles with exact checkers, after Sys2Bench."""
