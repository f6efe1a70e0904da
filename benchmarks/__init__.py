"""Benchmarks: runs of domains × methods × models, and their reports."""
