"""One problem: one sample, votes, best-of-N and particles, each with what it cost."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from domains.math_word.task import MathItem
from potentials.mathematics import canonical, equal, extract
from smc.model import Prompt
from smc.steps import Solution, StepModel, StepScorer
from smc.strategies import Options, Trajectory, majority_vote, particle_filter
from smc.strategies.aggregate import Selection, select


class CountedJudge(StepScorer, Protocol):
    """A judge that remembers beginnings and counts the tokens that it reads."""

    @property
    def tokens(self) -> int:
        """Read so far."""
        ...

    def clear(self) -> None:
        """Forget what was judged, so that the next one who asks pays for it."""
        ...


@dataclass(frozen=True)
class Judged:
    """A sample with its judgement.

    Attributes:
        trajectory: Its value is the judge's score of the whole solution.
        judge_tokens: What the judge read for it.
    """

    trajectory: Trajectory
    judge_tokens: int


SELECTIONS: dict[str, Selection] = {
    "votes": "majority",
    "best_of_n": "best",
    "weighted_best_of_n": "weighted",
}


def trial(
    item: MathItem,
    model: StepModel,
    judge: CountedJudge,
    *,
    budgets: Sequence[int],
    seed: int,
    temperature: float,
) -> dict[str, Any]:
    """Return the record of a problem.

    As many samples as the largest budget are drawn once; the first n are those of a run with n, as
    each has a generator of its own. Particles are a run of their own at each budget from 2 on.

    Args:
        item: The problem.
        model: Writes solutions in steps.
        judge: Asked about whole samples once, and about particles after every step.
        budgets: Numbers of solutions.
        seed: Of samples and particles.
        temperature: Of the model.
    """
    options = Options(answer=answer, temperature=temperature, seed=seed)
    drawn = majority_vote(model, item.prompt, num_solutions=max(budgets), options=options)
    pool = [_judged(judge, item.prompt, t) for t in drawn.trajectories]
    runs = list(_sampled(item, pool, budgets))
    for n in (n for n in budgets if n > 1):
        result = particle_filter(model, item.prompt, judge, num_solutions=n, options=options)
        cost = result.budget
        runs.append(
            _run("particles", n, item, result.answer, cost.model_tokens, cost.reward_tokens)
        )
    # A solution cut at the limit of tokens answers nothing, here as where one is chosen.
    ended = [p.trajectory for p in pool if p.trajectory.finished]
    answers = [extract(trajectory.text) for trajectory in ended]
    rights = [equal(item.answer, given) for given in answers]
    return {
        "item": item.id,
        "seed": seed,
        "pass_rate": sum(rights) / len(pool),
        "answered": sum(given is not None for given in answers) / len(pool),
        "told_apart": _told_apart([trajectory.value for trajectory in ended], rights),
        "runs": runs,
    }


def answer(text: str) -> Hashable | None:
    """Return the answer of a solution in one form for votes; None: it has none."""
    return canonical([extract(text)])[0]


def _judged(judge: CountedJudge, prompt: Prompt, trajectory: Trajectory) -> Judged:
    """Judge a whole solution as one step; what was judged before is paid for again."""
    whole: Solution = (trajectory.text,)
    if not trajectory.text:
        return Judged(trajectory, 0)
    judge.clear()
    before = judge.tokens
    ((score,),) = judge.scores(prompt, [whole])
    judged = Trajectory(
        trajectory.solution,
        (score,),
        score,
        trajectory.finished,
        num_tokens=trajectory.num_tokens,
    )
    return Judged(judged, judge.tokens - before)


def _sampled(
    item: MathItem, pool: Sequence[Judged], budgets: Sequence[int]
) -> Iterator[dict[str, Any]]:
    for n in budgets:
        first = pool[:n]
        tokens = sum(p.trajectory.num_tokens for p in first)
        asked = sum(p.judge_tokens for p in first)
        for name, selection in SELECTIONS.items():
            chosen, _, _ = select([p.trajectory for p in first], answer, selection)
            yield _run(name, n, item, chosen, tokens, 0 if name == "votes" else asked)


def _run(
    strategy: str,
    n: int,
    item: MathItem,
    chosen: Hashable | None,
    tokens: int,
    judge_tokens: int,
) -> dict[str, Any]:
    return {
        "strategy": strategy,
        "num_solutions": n,
        "correct": int(chosen is not None and equal(item.answer, str(chosen))),
        "tokens": tokens,
        "judge_tokens": judge_tokens,
    }


def _told_apart(values: Sequence[float], rights: Sequence[bool]) -> float | None:
    """The share of pairs of a right and a wrong sample whose right one has the higher value (AUC).

    None where all are right, or all are wrong.
    """
    pairs = [
        (right, wrong)
        for right, is_right in zip(values, rights, strict=True)
        for wrong, is_wrong in zip(values, rights, strict=True)
        if is_right and not is_wrong and right == right and wrong == wrong
    ]
    wins = sum((right > wrong) + 0.5 * (right == wrong) for right, wrong in pairs)
    return wins / len(pairs) if pairs else None
