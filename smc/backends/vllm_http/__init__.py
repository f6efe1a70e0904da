"""The vLLM server backend: request fields and segments."""
