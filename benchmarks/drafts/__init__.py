"""Chain of Draft beside a chain of thought and a direct answer: rightness, and tokens spent."""
