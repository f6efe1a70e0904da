"""Independent solutions, drawn to their ends: what votes and best-of-N choose among."""

from __future__ import annotations

from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.aggregate import Selection
from smc.strategies.chains import Chain, StrategyResult, at_least_one, generators
from smc.strategies.options import Options


def choose_among_samples(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer | None,
    num_solutions: int,
    options: Options,
    selection: Selection,
) -> StrategyResult:
    """Draw N solutions and choose; the judge, if any, is asked once, about whole solutions."""
    at_least_one(num_solutions=num_solutions)
    search = options.search(model, prompt, scorer)
    rngs = generators(options.seed, num_solutions)
    chains = search.run([Chain()] * num_solutions, rngs)
    if scorer is not None:
        chains = search.score(chains)
    search.record(chains, ())
    return search.result(chains, options.answer, selection)
