"""Training of the embedded policy and reward model: rows, samples, measures, cards."""
