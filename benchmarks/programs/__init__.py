"""S* on programming problems against simpler choices among samples, at equal tokens."""
