"""Other strategies on the problems of the study of revisions, under the same judge.

The samples that revisions are compared with are read again for votes and best-of-N; searches are
run. Every strategy writes at the temperature at which revisions were drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks import journal
from benchmarks.revising.drawing import Drawn
from benchmarks.strategies.plans import SAMPLED, searches
from benchmarks.strategies.run import MAX_TOKENS
from domains.arithmetic.steps import answer, split
from potentials.boundaries import lines
from smc.backends.transformers import TransformersModel
from smc.steps import Solution, StepScorer
from smc.steps.token_steps import TokenSteps
from smc.strategies import Options, Trajectory
from smc.strategies.aggregate import Selection, aggregate, select

TEMPERATURE = 1.0
"""That of `draw_problems`."""
NAMES = ("beam", "dvts", "particle_filter", "particle_gibbs")
_SELECTIONS: dict[str, Selection] = {"majority_vote": "majority", "best_of_n": "best"}


def run_beside(
    policy: Path, scorer: StepScorer, drawn: Sequence[Drawn], solutions: int, file: Path
) -> list[dict[str, Any]]:
    """Return for each problem what every other strategy made of it; what the file holds stays.

    Args:
        policy: Folder of the model that draws.
        scorer: The verifier.
        drawn: Of the problems.
        solutions: N, the largest number of solutions.
        file: JSON lines; appended to after each problem.

    Returns:
        `{"runs": [{"strategy", "num_solutions", "correct", "tokens"}, …]}` for each problem.
    """
    done: list[dict[str, Any]] = journal.read(file)
    model = TokenSteps(TransformersModel.load(str(policy)), lines(), max_tokens=MAX_TOKENS)
    sizes = [2**k for k in range(solutions.bit_length())]
    for place in range(len(done), len(drawn)):
        own = drawn[place]
        runs = [
            *sampled_runs(own, scorer, sizes),
            *_searched(model, own, scorer, sizes, seed=place),
        ]
        journal.append(file, [{"runs": runs}])
        done.append({"runs": runs})
        print(f"{place + 1} of {len(drawn)} problems searched", flush=True)
    return done[: len(drawn)]


def _searched(
    model: TokenSteps, drawn: Drawn, scorer: StepScorer, sizes: Sequence[int], *, seed: int
) -> Iterator[dict[str, Any]]:
    options = Options(answer=answer, temperature=TEMPERATURE, seed=seed)
    for plan in searches(sizes, NAMES):
        result = plan.run(model, drawn.problem, scorer, options)
        sweeps = int(dict(plan.settings).get("sweeps", 1))
        yield _run(
            plan.strategy,
            plan.num_solutions * sweeps,
            result.answer == drawn.parsed.answer,
            result.budget.model_tokens,
        )


def sampled_runs(
    drawn: Drawn, scorer: StepScorer, sizes: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Yield votes and best-of-N: the first N samples are what a run with N would have drawn."""
    solutions: list[Solution] = [tuple(split(text)) for text in drawn.parallel]
    asked = list(dict.fromkeys(s for s in solutions if s))
    known = dict(zip(asked, scorer.scores(drawn.problem, asked), strict=True))
    samples = [
        Trajectory(
            s, (v := known.get(s, (0.0,))), aggregate(v, "last"), True, num_tokens=len(t) + 1
        )
        for s, t in zip(solutions, drawn.parallel, strict=True)
    ]
    for n in sizes:
        for name in SAMPLED:
            found, _, _ = select(samples[:n], answer, _SELECTIONS.get(name, "weighted"))
            tokens = sum(t.num_tokens for t in samples[:n])
            yield _run(name, n, found == drawn.parsed.answer, tokens)


def _run(strategy: str, solutions: int, correct: bool, tokens: int) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "num_solutions": solutions,
        "correct": int(correct),
        "tokens": tokens,
    }
