"""Grammar rewriting: productions made exact for llguidance, and written in its dialect."""
