"""Majority vote over independent solutions (self-consistency)."""

from __future__ import annotations

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.arguments import at_least_one
from smc.strategies.early_stop import is_decided
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.samples import choose_among_samples
from smc.strategies.seeds import generators
from smc.strategies.trajectories import Trajectory


def majority_vote(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer | None = None,
    *,
    num_solutions: int = 4,
    decided: float | None = None,
    batch: int = 4,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N solutions; the answer that most of them give: argmaxₐ Σᵢ 1{aᵢ = a}.

    With `decided` they are drawn a few at a time, until the leader is ahead with that probability
    (adaptive consistency): easy problems then cost a few samples, and hard ones all N. N = 1 is
    plain chain of thought.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Not asked; here so that all strategies are called alike.
        num_solutions: N; with `decided` the most.
        decided: A probability from ½ on under 1, such as 0.95; None: all N at once.
        batch: Solutions drawn between two looks at the vote.
        options: See `Options`; `selection` is fixed.

    Returns:
        The answer, all solutions, and what they cost.

    Raises:
        SettingsError: A value outside its range.

    Source: Wang et al. (2023), "Self-consistency improves chain of thought reasoning"; Aggarwal et
    al. (2023) for `decided`.
    """
    chosen = options or Options()
    if decided is None:
        return choose_among_samples(model, prompt, None, num_solutions, chosen, "majority")
    at_least_one(num_solutions=num_solutions, batch=batch)
    if not 0.5 <= decided < 1:
        raise SettingsError(f"decided: expected a probability in [0.5, 1), got {decided!r}.")
    search = chosen.search(model, prompt, None)
    rngs = generators(chosen.seed, num_solutions)
    drawn: list[Trajectory] = []
    while len(drawn) < num_solutions:
        now = rngs[len(drawn) : len(drawn) + batch]
        drawn += search.run([Trajectory()] * len(now), now)
        search.record(drawn, ())
        votes = search.result(drawn, chosen.answer, "majority").votes
        if is_decided(list(votes.values()), decided):
            break
    return search.result(drawn, chosen.answer, "majority")
