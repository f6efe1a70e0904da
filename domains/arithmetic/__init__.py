"""Chained integer arithmetic: generated problems of graded difficulty with exact step labels."""
