"""Data science problems whose answers are Python code: DS-1000, Lai et al. 2022 (arXiv:2211.11501).

For evaluation only: the authors ask that the problems never be trained on, nor put online as plain
text. No problem stands in this package, and nothing here writes one to a file.
"""
