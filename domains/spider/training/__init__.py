"""Training of the embedded language model: queries in one style, rows, evaluation."""
