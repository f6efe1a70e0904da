"""How the embedded policy and reward model are made: rows, samples, measures, cards."""
