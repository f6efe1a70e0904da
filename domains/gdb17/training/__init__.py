"""How the embedded language model is made: tokenizer, training rows, evaluation, export."""
