"""The transformers backend in parts: forward passes, KV cache, prompts, rows, token bytes."""
