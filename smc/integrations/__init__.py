"""Integrations: this sampler inside other people's generators."""
