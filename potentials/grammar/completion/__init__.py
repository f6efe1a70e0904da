"""Sentences that fit: which tokens still lead to a sentence in the slots that are left."""
