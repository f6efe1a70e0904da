"""Self-backtracking on Countdown: greedy decoding, votes and search, before and after improvement.

    python -m benchmarks.backtracking run --out benchmarks/results/backtracking/countdown.jsonl
    python -m benchmarks.backtracking report benchmarks/results/backtracking/countdown.jsonl

`run` goes on with what is there. Every problem is answered in every way, with the same seed.
"""
