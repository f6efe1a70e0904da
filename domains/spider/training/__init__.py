"""How the embedded language model is made: queries in one style, training rows, evaluation."""
