"""Language models: the same protocol over different engines."""
