"""A trial: every strategy at every budget, on one problem, under one judge and one seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks.records import is_number, is_text, list_of
from benchmarks.strategies.plans import NAMES, SAMPLED, TEMPERATURE
from domains.arithmetic.steps import answer
from domains.arithmetic.task import ArithmeticItem
from smc.model import Prompt
from smc.steps import Budget, Solution, StepModel, StepScorer, TokenText
from smc.strategies import Options, Plan, StrategyResult, Trajectory, majority_vote
from smc.strategies.aggregate import Selection, aggregate, judge, select

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


@dataclass(frozen=True)
class Pool:
    """What the model draws of a problem whoever judges it; one draw serves all judges.

    Attributes:
        pass_rate: Share of right answers among samples of their own.
        sample_tokens: Their mean length.
        drawn: As many solutions as the largest budget; the first n are those of a run with n.
    """

    pass_rate: float
    sample_tokens: float
    drawn: StrategyResult


def draw_pool(
    model: StepModel, item: ArithmeticItem, budgets: Sequence[int], seed: int, samples: int
) -> Pool:
    """Return the samples of a problem.

    Args:
        model: The policy.
        item: The problem.
        budgets: Numbers of solutions.
        seed: Of the strategies' samples.
        samples: To measure difficulty by; of another seed.
    """
    apart = majority_vote(
        model, item.prompt, num_solutions=samples, options=_options(seed + _APART)
    )
    drawn = majority_vote(model, item.prompt, num_solutions=max(budgets), options=_options(seed))
    right = apart.votes.get(item.problem.answer, 0.0)
    return Pool(right / samples, apart.budget.model_tokens / samples, drawn)


def run_item(
    model: StepModel,
    scorer: StepScorer,
    item: ArithmeticItem,
    pool: Pool,
    budgets: Sequence[int],
    plans: Sequence[Plan],
    seed: int,
    selection: Selection | None = None,
) -> dict[str, Any]:
    """Return the record of a problem.

    The first n samples of the pool are what a run with n would have drawn (each has a generator
    of its own), so votes and best-of-N at all budgets are read off one set.

    Args:
        model: The policy.
        scorer: The judge.
        item: The problem.
        pool: What was drawn of it.
        budgets: Numbers of samples of the pool to choose among.
        plans: The searches.
        seed: Of the searches.
        selection: How searches settle on an answer; None: each in its own way.
    """
    right = item.problem.answer
    runs = list(_sampled(scorer, item, pool.drawn, budgets))
    for plan in plans:
        result = plan.run(model, item.prompt, scorer, _options(seed, selection))
        runs.append(_run(plan, result.answer == right, result.budget))
    return {
        "item": item.id,
        "level": item.level,
        "seed": seed,
        "pass_rate": pool.pass_rate,
        "sample_tokens": pool.sample_tokens,
        "runs": runs,
    }


def complaint(record: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the record of a problem that was read; None if nothing is."""
    texts = [k for k in ("item", "judge") if not is_text(record.get(k))]
    numbers = [k for k in ("seed", "pass_rate", "sample_tokens") if not is_number(record.get(k))]
    wrong = [*texts, *numbers]
    if not list_of(_is_run)(record.get("runs")):
        wrong.append("runs")
    return f"has {record.get(wrong[0])!r:.80} under {wrong[0]!r}" if wrong else None


def _is_run(value: object) -> bool:
    if not isinstance(value, dict) or value.get("strategy") not in NAMES:
        return False
    counts = ("num_solutions", "correct", "tokens", "passes", "reward_passes")
    return isinstance(value.get("settings"), dict) and all(is_number(value.get(k)) for k in counts)


def _options(seed: int, selection: Selection | None = None) -> Options:
    return Options(answer=answer, temperature=TEMPERATURE, seed=seed, selection=selection)


def _sampled(
    scorer: StepScorer, item: ArithmeticItem, drawn: StrategyResult, budgets: Sequence[int]
) -> Iterator[dict[str, Any]]:
    trajectories = _judged(scorer, item, drawn)
    selections: dict[str, Selection] = {"majority_vote": "majority", "best_of_n": "best"}
    for n in budgets:
        first = trajectories[:n]
        tokens, passes = sum(t.num_tokens for t in first), _passes(first)
        for name in SAMPLED:
            selected, _, _ = select(first, answer, selections.get(name, "weighted"))
            # A judge is asked about equal solutions once, here as in every search.
            asked = set() if name == "majority_vote" else {t.solution for t in first if t.solution}
            text = sum(len("".join(solution)) for solution in asked)
            budget = Budget(tokens, passes, len(asked), text)
            yield _run(Plan(name, n), selected == item.problem.answer, budget)


def _judged(scorer: StepScorer, item: ArithmeticItem, result: StrategyResult) -> list[Trajectory]:
    scores = judge(scorer, item.prompt, result.solutions, "last")
    return [
        Trajectory(t.solution, s, aggregate(s, "last"), t.finished, num_tokens=t.num_tokens)
        for t, s in zip(result.trajectories, scores, strict=True)
    ]


def _passes(trajectories: Sequence[Trajectory]) -> int:
    """Rows that these solutions put through the model, had they been drawn alone."""
    rows = set()
    for trajectory in trajectories:
        ids = tuple(i for s in trajectory.solution if isinstance(s, TokenText) for i in s.tokens)
        rows |= {ids[:k] for k in range(len(ids) + 1 - trajectory.finished)}
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
