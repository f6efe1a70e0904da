"""Spider: questions about databases, answered in SQL."""
