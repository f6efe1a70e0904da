"""Feedback at test time against independent samples, on problems that greedy decoding fails."""
