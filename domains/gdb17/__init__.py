"""Molecules: twenty are shown, write another."""
