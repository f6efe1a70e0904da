"""Training of the embedded language model: tokenizer, rows, evaluation, export."""
