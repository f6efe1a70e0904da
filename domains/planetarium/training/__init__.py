"""Training of the embedded model of the planning task: problems, tokenizer, measures, card."""
