"""The engine: sequential Monte Carlo over the tokens of a language model."""

from smc.engine.problems import Look, OnStep, Problem, Run, run

__all__ = ["Look", "OnStep", "Problem", "Run", "run"]
