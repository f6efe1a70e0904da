"""Reasoning via planning (RAP): tree search with step rewards, rolled out to the end."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.tree_search import TreePolicy, tree_search


def rap(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 10,
    width: int = 4,
    exploration: float = 1.0,
    options: Options | None = None,
) -> StrategyResult:
    """Search a tree whose rollouts go on greedily by reward until they come to an end.

    A rollout selects by Q + w·√(ln N_parent / N), then expands node after node and takes the step
    of largest reward. Each node on the way is worth the mean reward of the steps from its own on,
    and Q is the best of what its rollouts were worth. The state of the world is the text so far:
    what a step leads to is part of what the step model writes.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Gives the reward of every step.
        num_solutions: N, the rollouts.
        width: M, steps drawn from a node; the paper takes 4.
        exploration: w.
        options: See `Options`; the answer is that of the solution of largest value.
            `selection="weighted"` is the paper's aggregation over all paths.

    Returns:
        The answer, the finished solutions, and what all of it cost.

    Source: Hao et al. (2023), "Reasoning with language model is planning with world model".
    """
    policy = TreePolicy(width, exploration, rollout="greedy", returns="rewards", estimate="max")
    return tree_search(
        model, prompt, scorer, num_solutions=num_solutions, policy=policy, options=options
    )
