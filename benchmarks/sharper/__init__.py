"""Sharper draws on real models, each beside the engine without it."""
