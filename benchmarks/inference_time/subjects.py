"""Subjects: a model, how it is asked, how its answers are read, and who judges its steps."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

import smc
from benchmarks.lockstep import Lockstep, LockstepModel, LockstepScorer
from domains.reasoning.judge import likelihood_judge
from domains.reasoning.kind import ANSWER
from domains.reasoning.memory import StatementMemory
from domains.reasoning.oracle import OracleScorer
from domains.reasoning.puzzles import KINDS, Mode, Puzzle, answer_of, draw_from, puzzle_of
from potentials.boundaries import lines
from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import Solution, StepModel, StepScorer
from smc.steps.token_steps import TokenSteps
from smc.strategies.coat import Memory
from smc.strategies.judges import as_judge

JudgeName = Literal["own", "oracle"]
JUDGES: tuple[JudgeName, ...] = get_args(JudgeName)
TEMPERATURE = 0.8
"""As in the paper."""
SHOTS = 2
"""Solved puzzles that a published model is shown; the paper shows five."""
MAX_TOKENS = 192
_HOW: Mapping[Mode, str] = {
    "steps": f"Reason step by step, one short step a line. Then write '{ANSWER}' and the answer.",
    "direct": f"Do not reason. Write '{ANSWER}' and the answer, nothing else.",
}


@dataclass(frozen=True)
class Subject:
    """Who answers.

    Attributes:
        steps: Extends solutions by lines.
        prompt: Asks a puzzle.
        read: The answer that a solution gives, in the form in which it is checked.
        judge: Scores lines.
        judged_by: What the judge sees and knows, in words.
        memory: Of CoAT.
        trained: Whether it has learnt the puzzles, and is shown none.
    """

    steps: StepModel
    prompt: Callable[[Puzzle, Mode], Prompt]
    read: Callable[[str], str | None]
    judge: StepScorer
    judged_by: str
    memory: Memory
    trained: bool


def embedded(name: str, judge: JudgeName, desk: Lockstep, count: int) -> list[Subject]:
    """Return a model of `domains.reasoning`, as `crew` does."""
    model = LockstepModel(desk, smc.load(name, device="cpu"))
    about = (
        "the model itself, by the likelihood p of the lines so far given the question: the score "
        "is σ(1 + log p); it was never told of any line whether it is right"
    )

    def one() -> Subject:
        own = LockstepScorer(desk, likelihood_judge(name)) if judge == "own" else None
        return Subject(
            TokenSteps(model, lines(), max_tokens=MAX_TOKENS),
            lambda puzzle, mode: puzzle.prompt(mode),
            answer_of,
            *_judge(own, about),
            StatementMemory(),
            trained=True,
        )

    return [one() for _ in range(count)]


def published(
    name: str, judge: JudgeName, options: Mapping[str, Any], desk: Lockstep, count: int
) -> list[Subject]:
    """Return a chat model, shown solved puzzles of the kind, as `crew` does.

    Its own judgement is its probability of "Yes", asked whether all is right so far.
    """
    model = smc.load(name, **options)
    shared = LockstepModel(desk, model)
    about = (
        "the model itself, by its probability of Yes when asked whether all is right so far; it "
        "sees the question, its rules and the lines so far"
    )

    def one() -> Subject:
        own = LockstepScorer(desk, as_judge(model, "likelihood")) if judge == "own" else None
        steps = TokenSteps(shared, lines(), max_tokens=MAX_TOKENS)
        return Subject(
            steps, chat, read_chat, *_judge(own, about), StatementMemory(), trained=False
        )

    return [one() for _ in range(count)]


def chat(puzzle: Puzzle, mode: Mode) -> Prompt:
    """Return chat messages that ask a puzzle, after solved ones of the training part."""
    messages: list[dict[str, str]] = []
    for shown in shots(puzzle.kind):
        solution = shown.solve()
        said = solution.lines if mode == "steps" else solution.lines[-1:]
        messages += [_asked(shown, mode), {"role": "assistant", "content": "\n".join(said)}]
    return [*messages, _asked(puzzle, mode)]


@cache
def shots(kind: str) -> tuple[Puzzle, ...]:
    """Return the solved puzzles that stand before one of a kind."""
    rng = random.Random(f"shots {kind}")
    return tuple(draw_from("train", kind, rng) for _ in range(SHOTS))


def read_chat(text: str) -> str | None:
    r"""Return the answer in a chat model's text: behind its last "answer:", without ornaments.

    Example:
        >>> read_chat("So it is 4.\n**Answer:** 4.")
        '4'
    """
    found = re.findall(r"answer\W*?:\W*?([^\s*].*)", text, re.IGNORECASE)
    said = found[-1].strip().strip('*`."').strip() if found else ""
    return (said if re.fullmatch(r"([URF][2']? ?)+", said) else said.lower()) or None


@dataclass
class ChatOracle:
    """The oracle for chat prompts; of lines that are no steps of the kind it says nothing good."""

    oracle: OracleScorer

    @property
    def passes(self) -> int:
        """See `StepScorer`."""
        return self.oracle.passes

    @property
    def tokens(self) -> int:
        """See `StepScorer`."""
        return self.oracle.tokens

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return for each solution one score for each of its lines."""
        asked = prompt if isinstance(prompt, str) else str(prompt[-1]["content"])  # type: ignore[index]
        return self.oracle.scores(puzzle_of(asked).prompt(), solutions)


def _judge(own: StepScorer | None, about: str) -> tuple[StepScorer, str]:
    if own is not None:
        return own, about
    return ChatOracle(OracleScorer()), (
        "an ORACLE: the checker's own rules say whether some right solution begins with the lines "
        "so far; nobody has such a judge, and its rows show what a technique could gain at most"
    )


def _asked(puzzle: Puzzle, mode: Mode) -> dict[str, str]:
    content = f"{puzzle.text}{KINDS[puzzle.kind].rules} {_HOW[mode]}"
    return {"role": "user", "content": content}


def crew(
    name: str, judge: JudgeName, options: Mapping[str, Any], desk: Lockstep, count: int = 1
) -> list[Subject]:
    """Return subjects who answer side by side: one model, and all else each for itself.

    Args:
        name: `embedded:…`, a folder of a model trained here, or a published chat model.
        judge: Of `JUDGES`.
        options: Of `smc.load`, for a published one.
        desk: Where they meet.
        count: How many.

    Raises:
        SettingsError: There is no such judge.
    """
    if judge not in JUDGES:
        raise SettingsError(f"judge: got {judge!r}; expected one of {', '.join(JUDGES)}.")
    here = name.startswith("embedded:") or name.rstrip("/").endswith("domains/reasoning/model")
    if here:
        return embedded(name, judge, desk, count)
    return published(name, judge, options, desk, count)
