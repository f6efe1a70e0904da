"""Solving a question with a strategy by name: models are wrapped, sizes follow from one budget."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from math import isqrt
from typing import Any, Literal, cast

from smc.errors import SettingsError
from smc.model import LanguageModel, Prompt
from smc.steps import StepModel, StepScorer
from smc.steps.token_steps import TokenSteps
from smc.strategies.aggregate import Answer
from smc.strategies.arguments import at_least_one
from smc.strategies.catalogue import STRATEGIES
from smc.strategies.compute_optimal import Plan
from smc.strategies.judges import as_judge
from smc.strategies.options import Options
from smc.strategies.own_options import check_options, split_options
from smc.strategies.progress import Watch
from smc.strategies.results import StrategyResult
from smc.strategies.seeds import Seed
from smc.strategies.writing import TokenWriter, Writer

ALIASES: Mapping[str, str] = {"particles": "particle_filter", "vote": "majority_vote"}
"""Short names."""
WRITING = frozenset({"revisions", "tpo", "feedback_edit", "feedback_trials"})
"""Strategies that write whole texts for many prompts."""
_UNJUDGED = ("majority_vote", "revisions", "backtracking")
_DECIDED = 0.95


class MarkBoundary:
    r"""A boundary behind every occurrence of a mark, such as a blank line.

    Args:
        mark: Not empty.
    """

    def __init__(self, mark: str) -> None:
        if not mark:
            raise SettingsError("mark: got an empty string; expected what a step ends with.")
        self._mark = mark

    def start(self) -> str:
        """Return the state before any text."""
        return ""

    def advance(self, state: str, text: str) -> tuple[str, bool]:
        """Take the text of one token; the state is what may still become the mark."""
        seen = state + text
        if self._mark in seen:
            return seen.rpartition(self._mark)[2], True
        keep = len(self._mark) - 1
        return seen[-keep:] if keep else "", False


def solve(
    model: LanguageModel | StepModel | Writer,
    question: Prompt,
    *,
    reward: StepScorer | Literal["self"] | None = None,
    strategy: str | None = None,
    budget: int = 16,
    answer: Answer | None = None,
    seed: Seed = 0,
    temperature: float | None = None,
    mark: str = "\n\n",
    max_tokens: int = 2048,
    settings: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
) -> StrategyResult:
    """Answer a question with a strategy of `STRATEGIES`.

    `smc.solve` does the same with names for rewards and answers.

    Args:
        model: A language model is wrapped: in steps that end at `mark`, or as a writer for
            strategies that write whole texts.
        question: Text, or chat messages.
        reward: The judge; `self`: the model itself, asked for ratings (`LLMJudge`).
        strategy: Default: `best_of_n` with a reward, else `majority_vote`, which stops when it is
            decided.
        budget: Solutions' worth of search. Numbers of solutions and widths follow from it: the
            largest divisor up to 4; sweeps, rounds and edits share it.
        answer: From a solution to its answer, which votes are counted by; None: the text.
        seed: Same seed, same model, same machine: same result.
        temperature: Of the model; None: its own.
        mark: What a step ends with, for language models.
        max_tokens: Of a solution, for language models.
        settings: Further arguments of the strategy, or of its `Options` (`aggregate`, `selection`,
            `max_steps`, `max_step_tokens`), instead of those that follow from the budget.
        watch: Called with the `Progress` after every step that was drawn, and every round.

    Returns:
        The result; `to_html` and `to_json` show it.

    Raises:
        SettingsError: No such strategy; one that needs a reward has none; or a value outside its
            range.

    Example:
        >>> from smc.backends.table import TableModel
        >>> model = TableModel.constant({"yes": 0.8, "no": 0.1}, eos=0.1)
        >>> solve(model, "", budget=8, max_tokens=99, answer=lambda text: "yes" in text).answer
        True
    """
    at_least_one(budget=budget, max_tokens=max_tokens)
    name = strategy_name(strategy, reward is not None)
    wrapped = _wrapped(model, name in WRITING, mark, max_tokens)
    given = dict(settings or {})
    check_options(name, given)
    shared, own = split_options(given)
    plan = plan_of(name, budget, own)
    return STRATEGIES[name](
        wrapped,
        question,
        as_judge(model, seed=seed) if reward == "self" else reward,
        num_solutions=plan.num_solutions,
        options=Options(answer=answer, temperature=temperature, seed=seed, watch=watch, **shared),
        **dict(plan.settings),
    )


def plan_of(name: str, budget: int, own: Mapping[str, Any] | None = None) -> Plan:
    """Return the sizes of a strategy that a budget is divided into.

    Args:
        name: In `STRATEGIES`.
        budget: Solutions' worth of search.
        own: Arguments of the strategy, instead of those that follow from the budget.
    """
    given = dict(own or {})
    if name == "backtracking":
        return Plan(name, _continuations(budget, given), tuple(given.items()))
    solutions = max(1, budget // _share(name, budget, given))
    return Plan(name, solutions, tuple((_sizes(name, budget) | given).items()))


def strategy_name(given: str | None, judged: bool) -> str:
    """Return the name in `STRATEGIES` that a name, or none, stands for.

    Args:
        given: A name, or a short one.
        judged: Whether there is a reward.

    Raises:
        SettingsError: There is no such strategy, or it needs a reward.
    """
    name = given or ("best_of_n" if judged else "majority_vote")
    name = ALIASES.get(name, name)
    if name not in STRATEGIES:
        raise SettingsError(
            f"strategy: no strategy {name!r}; expected one of {', '.join(STRATEGIES)}."
        )
    if not judged and name not in _UNJUDGED:
        raise SettingsError(
            f"reward: {name} goes by the values of solutions, and got None; expected a StepScorer, "
            "such as potentials.reward_model gives, or 'self'. From a shell: --reward NAME, or "
            "--judge likelihood for the model itself."
        )
    return name


def _wrapped(
    model: LanguageModel | StepModel | Writer, as_writer: bool, mark: str, max_tokens: int
) -> StepModel | Writer:
    """The model as the strategy takes it; what is no language model is left as it is."""
    if hasattr(model, "extend") or hasattr(model, "write"):
        return cast(StepModel, model)
    if not (hasattr(model, "start") and hasattr(model, "vocabulary")):
        raise SettingsError(
            f"model: got {model!r:.80}; expected a language model, such as smc.load gives, a step "
            "model or a writer."
        )
    tokens = cast(LanguageModel, model)
    if as_writer:
        return TokenWriter(tokens, max_tokens=max_tokens)
    return TokenSteps(tokens, MarkBoundary(mark), max_tokens=max_tokens)


def _width(budget: int) -> int:
    return next(w for w in (4, 3, 2, 1) if budget % w == 0)


def _sizes(name: str, budget: int) -> dict[str, Any]:
    """What a strategy divides its budget into."""
    if name == "majority_vote":
        return {"decided": _DECIDED}
    if name in ("beam", "dvts", "lookahead", "tree_of_thoughts"):
        return {"width": _width(budget)}
    if name == "particle_gibbs":
        return {"sweeps": _sweeps(budget)}
    return {"chains": _width(budget)} if name == "revisions" else {}


def _share(name: str, budget: int, own: Mapping[str, Any]) -> int:
    """How many solutions one of a strategy's N costs."""
    counted, default, more = {
        "particle_gibbs": ("sweeps", _sweeps(budget), 0),
        "tpo": ("rounds", 2, 1),
        "feedback_edit": ("edits", 2, 1),
    }.get(name, ("", 1, 0))
    value = own.get(counted, default)
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return max(1, value + more) if whole else 1  # what is no number the strategy refuses


def _continuations(budget: int, own: Mapping[str, Any]) -> int:
    """The most k such that a search that goes back wherever it can draws no more than the budget.

    That is k texts in the first round, and k of each of n = ⌊√k⌋ states in every later one.
    """
    again = _number(own.get("rounds"), 2) - 1
    costs = ((k, k * (1 + again * _number(own.get("forward"), isqrt(k)))) for k in count(1))
    return max(1, next(k for k, cost in costs if cost > budget) - 1)


def _number(value: Any, default: int) -> int:
    """A number that is given; what is none the strategy refuses."""
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 1
    return value if whole else default


def _sweeps(budget: int) -> int:
    """As many sweeps, up to 4, as leave each two particles or more."""
    return next((s for s in (4, 3, 2) if budget % s == 0 and budget // s > 1), 1)
