"""Speed, always as a ratio against something else timed in the same run."""
