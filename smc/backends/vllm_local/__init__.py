"""The vLLM backend in this process: engine, decoding, and the draw inside its workers."""
