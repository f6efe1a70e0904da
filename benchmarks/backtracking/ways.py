"""Ways of answering a problem: which model, and how its texts are drawn and chosen from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from domains.countdown.problems import CountdownProblem
from domains.countdown.steps import GOAL, is_right
from potentials.boundaries import lines
from smc.model import LanguageModel
from smc.steps import StepModel
from smc.steps.token_steps import TokenSteps
from smc.strategies import Options, StrategyResult, backtracking, majority_vote
from smc.strategies.aggregate import Selection, select

MODELS: Mapping[str, str] = {
    "plain": "embedded:countdown-plain",
    "trained with mistakes": "embedded:countdown",
    "improved": "embedded:countdown-improved",
}
WIDTH = 16
ROUNDS = 3
TEMPERATURE = 0.7
MAX_TOKENS = 64

Outcome = dict[str, Any]
"""`right`, `any` (some text that was drawn is right), `answered` and `tokens` of one way."""


def steps_of(model: LanguageModel) -> StepModel:
    """Return the model in steps of a line."""
    return TokenSteps(model, lines(), max_tokens=MAX_TOKENS)


def greedy(model: StepModel, problem: CountdownProblem, seed: int) -> dict[str, Outcome]:
    """One text, at temperature 0."""
    options = Options(temperature=0, seed=seed)
    result = majority_vote(model, problem.text, num_solutions=1, options=options)
    return {"greedy": _outcome(problem, result, result.text)}


def votes(model: StepModel, problem: CountdownProblem, seed: int) -> dict[str, Outcome]:
    """As many texts as the search draws in a round; the answer is the most frequent one."""
    options = Options(temperature=TEMPERATURE, seed=seed)
    result = majority_vote(model, problem.text, num_solutions=WIDTH, options=options)
    return {f"vote of {WIDTH}": _outcome(problem, result, result.text)}


def search(model: StepModel, problem: CountdownProblem, seed: int) -> dict[str, Outcome]:
    """Self-backtracking of 1, 2 and 3 rounds; a shorter search is the beginning of a longer one."""
    options = Options(temperature=TEMPERATURE, seed=seed)
    result = backtracking(model, problem.text, num_solutions=WIDTH, rounds=ROUNDS, options=options)
    told = {f"search, b = {b}": shorter(problem, result, b) for b in range(1, ROUNDS + 1)}
    return told | {f"search, b = {ROUNDS}, sum": shorter(problem, result, ROUNDS, "weighted")}


def shorter(
    problem: CountdownProblem, result: StrategyResult, rounds: int, selection: Selection = "best"
) -> Outcome:
    """Return what a search would have come to had it been allowed fewer rounds."""
    history = result.history[:rounds]
    found = [t for r in history for t in r.trajectories if t.finished and t.text.endswith(GOAL)]
    _, chosen, _ = select(found, None, selection)
    return {
        "right": chosen is not None and is_right(problem, found[chosen].text),
        "any": any(is_right(problem, t.text) for t in found),
        "answered": chosen is not None,
        "tokens": history[-1].budget.model_tokens,
    }


WAYS: Mapping[str, Callable[[StepModel, CountdownProblem, int], dict[str, Outcome]]] = {
    "greedy": greedy,
    "votes": votes,
    "search": search,
}
PLAN: tuple[tuple[str, str], ...] = (
    ("plain", "greedy"),
    ("plain", "votes"),
    ("trained with mistakes", "greedy"),
    ("trained with mistakes", "search"),
    ("improved", "greedy"),
    ("improved", "search"),
)
"""Model and way of each row of the table."""


def _outcome(problem: CountdownProblem, result: StrategyResult, text: str | None) -> Outcome:
    return {
        "right": text is not None and is_right(problem, text),
        "any": any(is_right(problem, t.text) for t in result.trajectories),
        "answered": text is not None and text.endswith(GOAL),
        "tokens": result.budget.model_tokens,
    }
