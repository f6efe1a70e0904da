"""Monte Carlo tree search (MCTS) over steps, guided by a process reward model."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.tree_search import Rollout, TreePolicy, tree_search


def mcts(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 16,
    width: int = 4,
    exploration: float = 1.0,
    rollout: Rollout = "none",
    accept: float | None = None,
    options: Options | None = None,
) -> StrategyResult:
    """Search a tree of steps by upper confidence bounds, with N rollouts.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every new node.
        num_solutions: N, the rollouts; each draws M steps, and `rollout="sample"` a solution more.
        width: M.
        exploration: w of Q + w·√(ln N_parent / N).
        rollout: `none`: a node is worth its value under the judge; `sample`: that of a solution
            drawn from it to its end, as without a process reward model.
        accept: See `TreePolicy`.
        options: See `Options`; the answer is that of the solution of largest value.

    Returns:
        The answer, the finished solutions, and what all of it cost.

    Source: Kocsis & Szepesvári (2006), "Bandit based Monte-Carlo planning"; Coulom (2006).
    """
    policy = TreePolicy(width, exploration, rollout, accept=accept)
    return tree_search(
        model, prompt, scorer, num_solutions=num_solutions, policy=policy, options=options
    )
