"""Defenders: one model with more or less compute: votes, particles, forced thinking, depth."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from benchmarks.robustness.worlds import World
from smc.depth import with_depth
from smc.model import LanguageModel, Prompt
from smc.steps import Solution, StepScorer
from smc.steps.token_steps import TokenSteps
from smc.strategies import BudgetForcing, Options, budget_forcing, particle_filter
from smc.strategies.aggregate import select
from smc.strategies.results import StrategyResult
from smc.strategies.solve import MarkBoundary
from smc.strategies.trajectories import Trajectory
from smc.strategies.writing import TokenWriter

_ANSWER_TOKENS = 16


@dataclass(frozen=True)
class Answered:
    """What a defender came to.

    Attributes:
        text: The solution that stands for the answer.
        said: The answer.
        tokens: Generated for it, those of all samples.
        judged: Tokens that a judge read.
        layers: Layers that all tokens went through, where these are the compute; else 0.
    """

    text: str
    said: int | None
    tokens: int
    judged: int = 0
    layers: float = 0.0


@dataclass(frozen=True)
class Defence:
    """A model in its world, with the means to spend compute.

    Attributes:
        model: Answers.
        world: Reads the answers.
        judge: Of steps, for particles; None: there are no particles.
        max_tokens: Of a solution.
        temperature: Of the model; None: its own.
    """

    model: LanguageModel
    world: World
    judge: StepScorer | None = None
    max_tokens: int = 160
    temperature: float | None = None


Defender = Callable[[Defence, Sequence[Prompt], int, Sequence[int]], list[Answered]]
"""Answers prompts with so much compute, each with its seed. Whatever has a budget can be one."""


def votes(
    defence: Defence, prompts: Sequence[Prompt], compute: int, seeds: Sequence[int]
) -> list[Answered]:
    """Draw `compute` solutions for each prompt; the answer of most of them.

    The first ones are the same whatever the number.
    """
    writer = TokenWriter(defence.model, max_tokens=defence.max_tokens)
    asked = [p for p in prompts for _ in range(compute)]
    rngs = [np.random.default_rng([seed, k]) for seed in seeds for k in range(compute)]
    texts = writer.write(asked, rngs=rngs, temperature=defence.temperature)
    found = []
    for at in range(0, len(texts), compute):
        own = texts[at : at + compute]
        drawn = [Trajectory((t.text,), finished=t.finished) for t in own]
        answer, chosen, _ = select(drawn, defence.world.said, "majority")
        text = own[0 if chosen is None else chosen].text
        said = answer if isinstance(answer, int) else None
        found.append(Answered(text, said, sum(t.num_tokens for t in own)))
    return found


def thinking(
    defence: Defence, prompts: Sequence[Prompt], compute: int, seeds: Sequence[int]
) -> list[Answered]:
    """Take the end of thinking back `compute` times; one solution."""
    world = defence.world
    steps = TokenSteps(defence.model, MarkBoundary(world.done), max_tokens=defence.max_tokens)
    forcing = BudgetForcing(
        end=world.done,
        waits=compute,
        wait=world.again,
        max_thinking_tokens=max(1, defence.max_tokens - _ANSWER_TOKENS),
        final="",
        max_answer_tokens=_ANSWER_TOKENS,
    )
    return [
        _answered(
            budget_forcing(
                steps, prompt, forcing, options=Options(
                    answer=world.said, seed=seed, temperature=defence.temperature
                )
            ),
        )
        for prompt, seed in zip(prompts, seeds, strict=True)
    ]  # fmt: skip


def particles(
    defence: Defence, prompts: Sequence[Prompt], compute: int, seeds: Sequence[int]
) -> list[Answered]:
    """Filter `compute` particles, weighted after each line by the judge.

    Raises:
        ValueError: There is no judge.
    """
    if defence.judge is None:
        raise ValueError("robustness: particles need a judge; this world has none.")
    steps = TokenSteps(defence.model, MarkBoundary("\n"), max_tokens=defence.max_tokens)
    world = defence.world
    found = []
    for prompt, seed in zip(prompts, seeds, strict=True):
        options = Options(answer=world.said, seed=seed, selection="majority")
        result = particle_filter(
            steps, prompt, defence.judge, num_solutions=compute, options=options
        )
        found.append(_answered(result))
    return found


def recurrences(
    defence: Defence, prompts: Sequence[Prompt], compute: int, seeds: Sequence[int]
) -> list[Answered]:
    """Draw one solution, the model going through its core `compute` times a token.

    Raises:
        SettingsError: The model's depth is fixed.
    """
    deep = with_depth(defence.model, compute)
    answered = votes(replace(defence, model=deep), prompts, 1, seeds)
    layers = float(getattr(deep, "layer_passes", 0.0))
    return [replace(a, layers=layers * a.tokens) for a in answered]


DEFENDERS: Mapping[str, Defender] = MappingProxyType(
    {"votes": votes, "thinking": thinking, "particles": particles, "recurrences": recurrences}
)
"""By name; their compute is samples, ends of thinking taken back, particles, and depth."""


@dataclass
class LinesJudge:
    """Judges the lines that state a step, by another judge; other lines take the last score.

    Attributes:
        scorer: Knows lines of steps and nothing of marks.
        is_step: Whether a line states a step.
        passes: Solutions judged so far.
    """

    scorer: StepScorer
    is_step: Callable[[str], bool]
    passes: int = 0
    tokens: int = 0

    def clear(self) -> None:
        """Have the judge forget what it remembers, so that every run pays for itself."""
        forget = getattr(self.scorer, "clear", None)
        if forget is not None:
            forget()

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        """Return one score for each line."""
        self.passes += len(solutions)
        kept = [tuple(line for line in s if self.is_step(line)) for s in solutions]
        before = self.scorer.tokens
        judged = iter(self.scorer.scores(prompt, [k for k in kept if k]))
        self.tokens += self.scorer.tokens - before
        found = []
        for solution, own in zip(solutions, kept, strict=True):
            scores = iter(next(judged) if own else ())
            last, line_scores = 0.5, []
            for line in solution:
                last = next(scores) if self.is_step(line) else last
                line_scores.append(last)
            found.append(tuple(line_scores))
        return found


def _answered(result: StrategyResult) -> Answered:
    text = result.text if result.text is not None else result.trajectories[0].text
    said = result.answer if isinstance(result.answer, int) else None
    return Answered(text, said, result.budget.model_tokens, result.budget.reward_tokens)


def seed_of(*parts: object) -> int:
    """Return a seed that is the same in every process."""
    return zlib.crc32("\0".join(map(str, parts)).encode())
