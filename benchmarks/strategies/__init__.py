"""Strategies of test-time scaling on the arithmetic domain: accuracy against generated tokens."""
