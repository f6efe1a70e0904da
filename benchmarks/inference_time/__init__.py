"""Techniques of inference-time computation on eleven kinds of reasoning, after Sys2Bench.

    python -m benchmarks.inference_time --model embedded:reasoning --items 40 --out DIR

Every technique answers the same puzzles with the same seeds; what is there is not run again.

Source: Parashar et al. (2025), "Inference-time computations for LLM reasoning and planning: a
benchmark and insights", arXiv:2502.12521.
"""
