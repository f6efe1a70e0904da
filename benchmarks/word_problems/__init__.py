"""Votes, best-of-N and particles on word problems, with a judge by likelihood, at equal tokens."""
