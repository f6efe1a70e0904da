"""Training of the reasoning model: mistakes, corpus, run, measures, card."""
