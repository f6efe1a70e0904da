"""The study of depth: accuracy by level and iterations, of four networks of equal size."""
