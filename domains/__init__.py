"""Benchmark domains of smc-lm: the data, prompt, potentials and scorer of each."""
