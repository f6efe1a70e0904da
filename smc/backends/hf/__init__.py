"""The transformers backend in parts: loading, passes, caches, shared prefixes, token bytes."""
