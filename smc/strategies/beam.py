"""Beam search over steps, guided by a process reward model."""

from __future__ import annotations

from typing import Literal

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.chains import Chain, StrategyResult, generators
from smc.strategies.options import Options
from smc.strategies.trees import Completed, Growing, Tree, grow, widths

Kept = Literal["first", "best"]


def beam(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 4,
    width: int = 4,
    completed: Completed = "leave",
    kept: Kept = "first",
    distinct: bool = True,
    options: Options | None = None,
) -> StrategyResult:
    """Draw N steps; keep the N/M of largest value; draw M next steps of each; and so on.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every candidate of every round.
        num_solutions: N, candidates of a round; a multiple of M.
        width: M, continuations of each that is kept; 4 in the papers, or √N (Snell et al.).
        completed: What becomes of finished candidates, see `Growing`. By default they leave the
            pool without shrinking it, as in search-and-learn; `occupy` is compute-optimal-tts.
        kept: Which N of the finished solutions count, if there are more: the first (the default of
            search-and-learn) or the best.
        distinct: Whether equal candidates count once, as in the recipes of search-and-learn.
        options: See `Options`; the value is the last step's score, and the answer that of the
            largest sum of values.

    Returns:
        The answer, at most N solutions with their scores, and what all of it cost.

    Raises:
        SettingsError: M does not divide N.

    Source: Snell et al. (2024), "Scaling LLM test-time compute optimally", section 5.2; parameters
    of Hugging Face search-and-learn.
    """
    growing = Growing(widths(num_solutions, width), completed, distinct)
    return searched(model, prompt, scorer, num_solutions, growing, kept, options or Options())


def searched(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    num_solutions: int,
    growing: Growing,
    kept: Kept,
    options: Options,
) -> StrategyResult:
    """Grow one tree, and choose among what it leaves."""
    if kept not in ("first", "best"):
        raise SettingsError(f"kept: expected 'first' or 'best', got {kept!r}.")
    search = options.search(model, prompt, scorer)
    tree = Tree(generators(options.seed, num_solutions))
    grow(search, [tree], growing, options.max_steps)
    chains = leavings(tree, growing, kept, num_solutions)
    return search.result(chains, options.answer, options.select_by("weighted"))


def leavings(tree: Tree, growing: Growing, kept: Kept, count: int) -> list[Chain]:
    """Return at most `count` solutions of a tree that has come to its end, finished ones first."""
    chains = tree.done if growing.completed == "leave" else tree.pool
    if kept == "best":
        chains = sorted(chains, key=lambda c: -c.value)
    return sorted(chains, key=lambda c: not c.finished)[:count]
