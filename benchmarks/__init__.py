"""Runs of domains x methods x models, and their reports."""
