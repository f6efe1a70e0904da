"""Training of the countdown models: corpus, measures, self-improvement, cards."""
