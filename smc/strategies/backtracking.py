"""Self-backtracking: the model says where it went wrong, and the search goes a step back.

    states = {the prompt}
    repeat b times
        draw k continuations of every state, each to the goal, to the mark, or to its end
        at the goal:  a candidate
        at the mark:  the text without its last line is a new state, unless it was one before
        states = the first n of the new states
    answer: the candidate of largest score

The model must have been trained to write the mark after a mistake (`domains.countdown`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import Solution, StepModel, StepScorer, TokenText, cut
from smc.strategies.aggregate import Selection
from smc.strategies.arguments import at_least_one
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.search import Search
from smc.strategies.seeds import generators
from smc.strategies.trajectories import Trajectory

_STEPS = 1000
"""Where a continuation is cut, whatever its model says."""
_MOST_KEPT = 64
"""Beginnings whose rows the model is asked to hold for the next round."""
_VOTED = (
    "backtracking: the model tells no log probabilities of its tokens, and there is no scorer, so "
    "the candidate that was found most often is the answer."
)


def backtracking(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer | None = None,
    *,
    num_solutions: int = 16,
    rounds: int = 2,
    forward: int | None = None,
    mark: str = "<backtrack>",
    goal: str | None = "Goal Reached!",
    options: Options | None = None,
) -> StrategyResult:
    r"""Draw k continuations of every state, b times, going back where the model says so.

    A candidate is a text that has the goal; of a search without any, a text that the model ended
    without the mark. Its score is the mean log probability of its tokens under the model, or with
    a scorer what that says. The scores of equal answers are merged by their maximum
    (`selection="best"`, the default), by their sum (`weighted`) or counted (`majority`). The
    released code sums, and since its scores are negative, the more often it finds an answer, the
    worse it takes it to be. Nothing is judged but by the model itself: a wrong equation on the way
    to the goal goes unnoticed without a scorer.

    Args:
        model: Extends texts by steps; lines are best, since the text is taken back by lines.
        prompt: The problem.
        scorer: Judges the candidates; None: their log probabilities do.
        num_solutions: k, continuations of every state.
        rounds: b. One round never goes back. At most k·(1 + (b − 1)·n) continuations are drawn.
        forward: n, states of the next round at most, in the order in which they were found; None:
            ⌊√k⌋.
        mark: What the model writes after a mistake.
        goal: What the model writes when it is done; None: it only ends its text.
        options: See `Options`; the paper draws at temperature 0.7.

    Returns:
        The answer, the candidates in the order in which they were found (of a search without any,
        what its last round drew), and what they cost.

    Raises:
        SettingsError: A value outside its range.

    Example:
        >>> from smc import load, solve
        >>> result = solve(load("embedded:countdown", device="cpu"), "3 4 9>39\n",
        ...                strategy="backtracking", budget=24, mark="\n", temperature=0.7)
        >>> print(result.text)
        9*4=36
        36+3=39
        Goal Reached!

    Source: Yang et al. (2025), "Step back to leap forward: self-backtracking for boosting
    reasoning of language models".
    """
    at_least_one(num_solutions=num_solutions, rounds=rounds)
    if forward is None:
        forward = math.isqrt(num_solutions)
    at_least_one(forward=forward)
    if not mark or goal == "":
        raise SettingsError(
            f"mark, goal: got {mark!r} and {goal!r}; expected what the model writes after a "
            "mistake, and when it is done (None: it only ends its text)."
        )
    chosen = options or Options()
    search = chosen.search(model, prompt, scorer)
    rngs = generators(chosen.seed, num_solutions * (forward if rounds > 1 else 1))
    states, visited = [Trajectory()], set[str]()
    found: list[Trajectory] = []
    ended: list[Trajectory] = []
    drawn: list[Trajectory] = []
    for _ in range(rounds):
        starts = [state for state in states for _ in range(num_solutions)]
        drawn = _run(search, starts, rngs[: len(starts)], mark, goal)
        done = [i for i, t in enumerate(drawn) if t.finished]
        valued = _valued(search, [drawn[i] for i in done])
        for i, trajectory in zip(done, valued, strict=True):
            drawn[i] = trajectory
            at_goal = goal is not None and trajectory.text.endswith(goal)
            (found if at_goal else ended).append(trajectory)
        states, origins = _new_states(drawn, mark, visited, forward)
        search.record(drawn, origins)
        if not states:
            break
    candidates = found or ended
    told = not any(math.isnan(t.value) for t in candidates)
    default: Selection = "best" if told else "majority"
    result = search.result(candidates or drawn, chosen.answer, chosen.select_by(default))
    return result if told else dataclasses.replace(result, notes=(_VOTED,))


def mean_log_prob(solution: Solution) -> float:
    """Return the mean log probability of the tokens of a solution; NaN where none is known."""
    known = [p for s in solution if isinstance(s, TokenText) for p in s.log_probs]
    return sum(known) / len(known) if known else math.nan


def without_last_line(solution: Solution, mark: str) -> Solution:
    """Return a solution that ends in the mark without the mark and the last line before it.

    Lines are what newlines separate; empty ones at the end go with the last that is not.
    """
    text = "".join(solution).removesuffix(mark).rstrip()
    return _first(solution, text.rfind("\n") + 1)


def _run(
    search: Search,
    starts: Sequence[Trajectory],
    rngs: Sequence[np.random.Generator],
    mark: str,
    goal: str | None,
) -> list[Trajectory]:
    """Draw all to the goal, to the mark or to their ends; each is cut behind what it came to."""
    now = list(starts)
    held: dict[Solution, None] = {}
    for _ in range(_STEPS):
        if not any(t.goes_on for t in now):
            return now
        held |= dict.fromkeys(t.solution for t in now if t.goes_on)
        extended = search.extend(now, rngs, keep=list(held)[:_MOST_KEPT])
        now = [_stopped(t, mark, goal) for t in extended]
    return [dataclasses.replace(t, truncated=True) if t.goes_on else t for t in now]


def _stopped(trajectory: Trajectory, mark: str, goal: str | None) -> Trajectory:
    """The trajectory, cut behind the first mark or goal, where it has one.

    At the goal it is finished; at the mark it may grow no further, and has no end.
    """
    text = trajectory.text
    ends = [(text.find(s) + len(s), s) for s in (mark, goal) if s is not None and s in text]
    if not ends:
        return trajectory
    size, reached = min(ends)
    return dataclasses.replace(
        trajectory,
        solution=_first(trajectory.solution, size),
        finished=reached == goal,
        truncated=reached == mark,
        error=None,
    )


def _first(solution: Solution, length: int) -> Solution:
    """The first characters of a solution, its steps whole as far as they fit."""
    kept: list[str] = []
    for step in solution:
        if length < len(step):
            return (*kept, *cut(step, length))
        kept.append(step)
        length -= len(step)
    return tuple(kept)


def _valued(search: Search, trajectories: Sequence[Trajectory]) -> list[Trajectory]:
    """The trajectories with their scores: the judge's, or their mean log probabilities."""
    if search.scorer is not None:
        return search.score(trajectories)
    return [dataclasses.replace(t, value=mean_log_prob(t.solution)) for t in trajectories]


def _new_states(
    drawn: Sequence[Trajectory], mark: str, visited: set[str], most: int
) -> tuple[list[Trajectory], list[int]]:
    """The first states that were gone back to and are new, and which texts led there.

    Only those are visited: one that finds no place may be found again.
    """
    states: list[Trajectory] = []
    origins: list[int] = []
    for i, trajectory in enumerate(drawn):
        if len(states) == most:
            break
        if not trajectory.text.endswith(mark):
            continue
        solution = without_last_line(trajectory.solution, mark)
        text = "".join(solution)
        if text not in visited:
            visited.add(text)
            size = sum(len(s.tokens) for s in solution if isinstance(s, TokenText))
            states.append(Trajectory(solution, num_tokens=size))
            origins.append(i)
    return states, origins
