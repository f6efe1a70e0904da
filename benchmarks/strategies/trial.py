"""One problem, one judge, one seed: every strategy at every budget."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.strategies.plans import SAMPLED, TEMPERATURE, searches
from domains.arithmetic.steps import answer
from domains.arithmetic.task import ArithmeticItem
from smc.model import Prompt
from smc.steps import Budget, Solution, StepModel, StepScorer, TokenText
from smc.strategies import Chain, Options, Plan, StrategyResult, majority_vote
from smc.strategies.aggregate import aggregate, judge, select

_APART = 1_000_003
"""Seeds of the samples that difficulty is measured on are this far from those of the strategies."""


@dataclass
class RememberedScorer:
    """A judge that is asked once about each solution of a prompt, and counted every time.

    Counted is what it would have cost to ask: a pass and the text's tokens each time.
    """

    scorer: StepScorer
    passes: int = 0
    tokens: int = 0
    _prompt: Prompt = ""
    _known: dict[Solution, tuple[float, ...]] = field(default_factory=dict)

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return the scores of each step; see `StepScorer`."""
        if prompt != self._prompt:
            self._prompt, self._known = prompt, {}
        new = list(dict.fromkeys(s for s in solutions if s not in self._known))
        if new:
            self._known |= zip(new, self.scorer.scores(prompt, new), strict=True)
        self.passes += len(solutions)
        self.tokens += sum(len("".join(s)) for s in solutions)
        return [self._known[s] for s in solutions]


def run_item(
    model: StepModel,
    scorer: StepScorer,
    item: ArithmeticItem,
    budgets: Sequence[int],
    tree_budgets: Sequence[int],
    seed: int,
    samples: int,
) -> dict[str, Any]:
    """Return the record of a problem.

    The first n of the largest number of samples are what a run with n would have drawn (each has a
    generator of its own), so votes and best-of-N at all budgets are read off one set.
    """
    options = Options(answer=answer, temperature=TEMPERATURE, seed=seed)
    apart = Options(answer=answer, temperature=TEMPERATURE, seed=seed + _APART)
    right = item.problem.answer
    difficulty = majority_vote(model, item.prompt, num_solutions=samples, options=apart)
    found = list(_sampled(model, scorer, item, budgets, options))
    for plan in searches(tree_budgets):
        result = plan.run(model, item.prompt, scorer, options)
        found.append(_run(plan, result.answer == right, result.budget))
    return {
        "item": item.id,
        "level": item.level,
        "seed": seed,
        "pass_rate": difficulty.votes.get(right, 0.0) / samples,
        "sample_tokens": difficulty.budget.model_tokens / samples,
        "runs": found,
    }


def _sampled(
    model: StepModel,
    scorer: StepScorer,
    item: ArithmeticItem,
    budgets: Sequence[int],
    options: Options,
) -> Iterable[dict[str, Any]]:
    result = majority_vote(model, item.prompt, num_solutions=max(budgets), options=options)
    chains = _judged(scorer, item, result)
    selections = {"majority_vote": "majority", "best_of_n": "best"}
    for n in budgets:
        first = chains[:n]
        for name in SAMPLED:
            found, _, _ = select(first, answer, selections.get(name, "weighted"))  # type: ignore[arg-type]
            asked = 0 if name == "majority_vote" else n
            text = sum(len(c.text) for c in first) if asked else 0
            tokens = sum(c.num_tokens for c in first)
            budget = Budget(tokens, _passes(first), asked, text)
            yield _run(Plan(name, n), found == item.problem.answer, budget)


def _judged(scorer: StepScorer, item: ArithmeticItem, result: StrategyResult) -> list[Chain]:
    scores = judge(scorer, item.prompt, result.solutions, "last")
    return [
        Chain(c.solution, s, aggregate(s, "last"), c.finished, num_tokens=c.num_tokens)
        for c, s in zip(result.chains, scores, strict=True)
    ]


def _passes(chains: Sequence[Chain]) -> int:
    """Rows that these solutions put through the model, had they been drawn alone."""
    rows = set()
    for chain in chains:
        ids = tuple(i for s in chain.solution if isinstance(s, TokenText) for i in s.tokens)
        rows |= {ids[:k] for k in range(len(ids) + 1 - chain.finished)}
    return len(rows)


def _run(plan: Plan, correct: bool, budget: Budget) -> dict[str, Any]:
    return {
        "strategy": plan.strategy,
        "num_solutions": plan.num_solutions,
        "settings": dict(plan.settings),
        "correct": int(correct),
        "tokens": budget.model_tokens,
        "passes": budget.model_passes,
        "reward_passes": budget.reward_passes,
        "reward_tokens": budget.reward_tokens,
    }
