"""Budget forcing (s1): the length of a model's thinking, decided from outside."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import Solution, StepModel, cut
from smc.strategies.arguments import at_least_one
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.search import Search
from smc.strategies.seeds import generators
from smc.strategies.trajectories import Trajectory


@dataclass(frozen=True)
class BudgetForcing:
    """How thinking is drawn out, and ended.

    Attributes:
        end: The mark at which thinking ends and the answer begins; the model's steps must end at
            it, as those of `TokenSteps(model, after_mark)` or `OpenAISteps(…, mark=…)` do.
        waits: k, how many times the end is taken back and `wait` put in its place.
        wait: What makes the model go on thinking.
        min_thinking_tokens: The end is taken back only under this number; None: k times in any
            case.
        max_thinking_tokens: After so many tokens thinking is ended: `end` and `final` are put
            behind it.
        final: What begins an answer that was forced.
        max_answer_tokens: Of the answer.

    Raises:
        SettingsError: A value outside its range.
    """

    end: str = "</think>"
    waits: int = 1
    wait: str = "Wait"
    min_thinking_tokens: int | None = None
    max_thinking_tokens: int = 8192
    final: str = "Final Answer:"
    max_answer_tokens: int = 1024

    def __post_init__(self) -> None:
        at_least_one(
            max_thinking_tokens=self.max_thinking_tokens, max_answer_tokens=self.max_answer_tokens
        )
        if not self.end:
            raise SettingsError("BudgetForcing: end is empty; expected the end-of-thinking mark.")
        if isinstance(self.waits, bool) or self.waits < 0:
            raise SettingsError(f"BudgetForcing: waits: expected 0 or more, got {self.waits!r}.")


@dataclass(frozen=True)
class _Thought:
    """A trajectory and how far its thinking has come.

    Attributes:
        trajectory: Its text.
        waits: How often it was told to wait.
        used: Tokens of its thinking, or of its answer.
        seen: Length of the text in which a mark is of no account any more.
        answering: Whether it has done with thinking.
    """

    trajectory: Trajectory
    waits: int = 0
    used: int = 0
    seen: int = 0
    answering: bool = False


def budget_forcing(
    model: StepModel,
    prompt: Prompt,
    forcing: BudgetForcing | None = None,
    *,
    num_solutions: int = 1,
    options: Options | None = None,
) -> StrategyResult:
    """Draw solutions of a thinking model, with the end of its thinking put off or forced.

    Where the model ends its thinking (by the mark, or by ending the text) too early, the end is
    taken back and "Wait" put in its place, up to k times. Where it has thought for the most tokens
    allowed, the mark and "Final Answer:" are put behind it. What is put in is not counted as
    generated.

    Args:
        model: Extends texts up to the mark.
        prompt: Ends where thinking begins.
        forcing: How.
        num_solutions: N, independent; the answer is that of most.
        options: See `Options`.

    Returns:
        The solutions; `"".join` of one is all of its text, the mark included.

    Source: Muennighoff et al. (2025), "s1: simple test-time scaling", section 3.1.
    """
    at_least_one(num_solutions=num_solutions)
    how, chosen = forcing or BudgetForcing(), options or Options()
    search = chosen.search(model, prompt, None)
    rngs = generators(chosen.seed, num_solutions)
    thoughts = [_Thought(Trajectory())] * num_solutions
    while any(t.trajectory.goes_on for t in thoughts):
        thoughts = _round(search, thoughts, rngs, how)
    trajectories = [t.trajectory for t in thoughts]
    search.record(trajectories, ())
    return search.result(trajectories, chosen.answer, chosen.select_by("majority"))


def _round(
    search: Search,
    thoughts: list[_Thought],
    rngs: list[np.random.Generator],
    how: BudgetForcing,
) -> list[_Thought]:
    """Extend all thoughts that go on by the room that the fullest of them has."""
    live = [i for i, t in enumerate(thoughts) if t.trajectory.goes_on]
    room = min(_room(thoughts[i], how) for i in live)
    before = [thoughts[i].trajectory for i in live]
    after = search.extend(before, [rngs[i] for i in live], max_tokens=room)
    new = list(thoughts)
    for i, trajectory in zip(live, after, strict=True):
        new[i] = _next(thoughts[i], trajectory, how)
    return new


def _room(thought: _Thought, how: BudgetForcing) -> int:
    most = how.max_answer_tokens if thought.answering else how.max_thinking_tokens
    return most - thought.used


def _next(thought: _Thought, trajectory: Trajectory, how: BudgetForcing) -> _Thought:
    """Decide what follows what was drawn."""
    used = thought.used + trajectory.num_tokens - thought.trajectory.num_tokens
    now = dataclasses.replace(thought, trajectory=trajectory, used=used)
    if trajectory.error is not None or trajectory.truncated:
        return now
    if thought.answering:
        over = used >= how.max_answer_tokens and not trajectory.finished
        return dataclasses.replace(now, trajectory=_truncated(trajectory)) if over else now
    return _thinking(now, how)


def _thinking(now: _Thought, how: BudgetForcing) -> _Thought:
    trajectory = now.trajectory
    at_mark = how.end in trajectory.text[now.seen :]
    tries_to_end = trajectory.finished or at_mark
    full = now.used >= how.max_thinking_tokens
    early = how.min_thinking_tokens is None or now.used < how.min_thinking_tokens
    if tries_to_end and not full and early and now.waits < how.waits:
        solution = _without(trajectory.solution, how.end) if at_mark else trajectory.solution
        again = dataclasses.replace(trajectory, solution=(*solution, how.wait), finished=False)
        return dataclasses.replace(now, trajectory=again, waits=now.waits + 1, seen=len(again.text))
    if at_mark:
        return dataclasses.replace(now, used=0, answering=True)
    if tries_to_end or full:
        forced = (*trajectory.solution, how.end + how.final)
        going = dataclasses.replace(trajectory, solution=forced, finished=False)
        return dataclasses.replace(now, trajectory=going, used=0, answering=True)
    return now


def _without(solution: Solution, mark: str) -> Solution:
    """Return a solution without the mark at its end, and without what a token put behind it."""
    left = "".join(solution).rfind(mark)
    kept: list[str] = []
    for step in solution:
        if left <= 0:
            break
        kept += [step] if len(step) <= left else cut(step, left)
        left -= len(step)
    return tuple(kept)


def _truncated(trajectory: Trajectory) -> Trajectory:
    return dataclasses.replace(trajectory, truncated=True)
