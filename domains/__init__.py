"""Benchmark domains: the data, prompt, potentials and scorer of each."""
