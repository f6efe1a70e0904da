"""The techniques that are compared: each answers one puzzle, and says what that has cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.inference_time.subjects import TEMPERATURE, Subject
from domains.reasoning.puzzles import KINDS, Mode, Puzzle
from smc.strategies import (
    Options,
    StrategyResult,
    best_of_n,
    coat,
    majority_vote,
    particle_filter,
    rap,
    tree_of_thoughts,
)

Technique = Callable[[Subject, Puzzle, Options], StrategyResult]


@dataclass(frozen=True)
class Outcome:
    """What came of one puzzle.

    Attributes:
        right: Whether the answer is right.
        answered: Whether there is one.
        tokens: Generated, with those of texts that were dropped.
        judged: Tokens that the judge has read.
    """

    right: bool
    answered: bool
    tokens: int
    judged: int


def _votes(count: int, mode: Mode) -> Technique:
    def run(subject: Subject, puzzle: Puzzle, options: Options) -> StrategyResult:
        prompt = subject.prompt(puzzle, mode)
        return majority_vote(subject.steps, prompt, num_solutions=count, options=options)

    return run


def _searched(strategy: Callable[..., StrategyResult], **sizes: float) -> Technique:
    def run(subject: Subject, puzzle: Puzzle, options: Options) -> StrategyResult:
        prompt = subject.prompt(puzzle, "steps")
        extra = {"memory": subject.memory} if strategy is coat else {}
        return strategy(subject.steps, prompt, subject.judge, options=options, **sizes, **extra)

    return run


TECHNIQUES: Mapping[str, Technique] = {
    "direct": _votes(1, "direct"),
    "CoT": _votes(1, "steps"),
    "SC5": _votes(5, "steps"),
    "best-of-8": _searched(best_of_n, num_solutions=8),
    "particles": _searched(particle_filter, num_solutions=8),
    "ToT": _searched(tree_of_thoughts, num_solutions=10, width=2),
    "RAP": _searched(rap, num_solutions=3, width=2),
    "CoAT": _searched(coat, num_solutions=6, width=2, accept=0.7),
}
"""By the names of the table."""
ABOUT: Mapping[str, str] = {
    "direct": "one answer without steps",
    "CoT": "chain of thought: one solution by steps",
    "SC5": "self-consistency: five solutions, and their votes",
    "best-of-8": "eight solutions, the judge's best",
    "particles": "eight particles, weighed by the judge after every line and resampled",
    "ToT": "tree of thoughts: a beam of five, two lines of each",
    "RAP": "three rollouts to the end, two lines at each node, by the judge's rewards",
    "CoAT": "six rollouts of a line, two lines at each node, with what the statements of the "
    "question recall; ends at a solution of value 0.7",
}
JUDGED = tuple(name for name in TECHNIQUES if name not in ("direct", "CoT", "SC5"))
_STEPS = 14
"""Of a search; the longest solution has twelve lines."""


def run_technique(name: str, subject: Subject, puzzle: Puzzle, seed: int) -> Outcome:
    """Return what a technique answers.

    Args:
        name: Of `TECHNIQUES`.
        subject: Who answers.
        puzzle: What is asked.
        seed: Of the draws; all techniques share it.
    """
    options = Options(
        answer=subject.read,
        aggregate="min",
        temperature=TEMPERATURE,
        max_steps=_STEPS,
        max_step_tokens=64,
        seed=seed,
    )
    result = TECHNIQUES[name](subject, puzzle, options)
    said = result.answer
    return Outcome(
        isinstance(said, str) and KINDS[puzzle.kind].is_right(puzzle.question, said),
        said is not None,
        result.budget.model_tokens,
        result.budget.reward_tokens,
    )
