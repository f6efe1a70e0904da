"""Labelled samples: solutions of the policy with exact labels, for the reward model."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from domains.arithmetic.problems import ArithmeticProblem, apply, parse, value
from domains.arithmetic.splits import Split, problems
from domains.arithmetic.steps import MARK, Step, read_step, solve, sound, split
from domains.arithmetic.training.measure import draw
from domains.arithmetic.training.policy import training_problem

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LEVELS_IN_TURN = (5, 4, 3, 5, 4, 2, 5, 4, 3, 1)
AT_ONCE = 512
SLIPS = "0123456789-+*abcdefgh"


@dataclass(frozen=True)
class Sample:
    """A solution as the policy wrote it.

    Attributes:
        level: Of the problem.
        prompt: The problem's text.
        steps: The policy's.
        labels: Of each step: it and all before it follow.
    """

    level: int
    prompt: str
    steps: tuple[str, ...]
    labels: tuple[bool, ...]


def training_problems(seed: int) -> Iterator[tuple[int, ArithmeticProblem]]:
    """Yield level and problem of the training part without end; hard ones more often."""
    rng = random.Random(f"samples {seed}")
    while True:
        for level in LEVELS_IN_TURN:
            yield level, training_problem(level, rng)


def held_out_problems(part: Split, seed: int) -> Iterator[tuple[int, ArithmeticProblem]]:
    """Yield level and problem of a held-out part, in the proportions of the training ones."""
    return problems(part, seed, LEVELS_IN_TURN)


def draw_samples(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    source: Iterable[tuple[int, ArithmeticProblem]],
    count: int,
    *,
    seed: int,
) -> Iterator[Sample]:
    """Yield solutions of the policy at temperature 1, one for each problem; empty ones left out."""
    for chosen in _batches(source, count, AT_ONCE):
        texts = draw(model, tokenizer, [p.text for _, p in chosen], seed=seed, rows=AT_ONCE // 2)
        seed += 1
        for (level, problem), text in zip(chosen, texts, strict=True):
            steps = split(text)
            if steps:
                yield Sample(level, problem.text, steps, sound(problem, steps))


def draw_slips(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    source: Iterable[tuple[int, ArithmeticProblem]],
    count: int,
    *,
    seed: int,
) -> Iterator[Sample]:
    """Yield right solutions in which the policy slipped, one for each problem.

    One forward pass over the right solution gives what the policy would write at each place. Its
    first other character of a step replaces the right one, and the steps after it go on from
    there without another slip. So where a slip is made, and which, is the policy's doing.
    """
    import torch

    generator = torch.Generator().manual_seed(seed)
    for chosen in _batches(source, count, AT_ONCE // 8):
        prompts = [tokenizer.encode(p.text) for _, p in chosen]
        texts = ["".join(solve(p)) for _, p in chosen]
        rows = [a + tokenizer.encode(t) for a, t in zip(prompts, texts, strict=True)]
        width = max(map(len, rows))
        ids = torch.tensor([r + [tokenizer.pad_token_id] * (width - len(r)) for r in rows])
        with torch.inference_mode():
            probs = model(input_ids=ids, use_cache=False).logits.softmax(-1)
            drawn = torch.multinomial(probs.flatten(0, 1), 1, generator=generator).view_as(ids)
        for (level, problem), prompt, text, row in zip(
            chosen, prompts, texts, drawn.tolist(), strict=True
        ):
            wrote = [tokenizer.decode([i]) for i in row[len(prompt) - 1 :]][: len(text)]
            steps = with_slip(problem, text, wrote)
            yield Sample(level, problem.text, steps, sound(problem, steps))


def _batches(
    source: Iterable[tuple[int, ArithmeticProblem]], count: int, size: int
) -> Iterator[list[tuple[int, ArithmeticProblem]]]:
    """Yield the first `count` problems, `size` at a time; of these, the easy ones first."""
    left = iter(islice(source, count))
    while chosen := sorted(islice(left, size), key=lambda pair: pair[0]):
        yield chosen


def with_slip(problem: ArithmeticProblem, text: str, wrote: Sequence[str]) -> tuple[str, ...]:
    """Return a solution with its first slip, and what follows from it.

    Args:
        problem: That `text` solves.
        text: The right solution.
        wrote: What was written in the place of each of its characters.
    """
    at = next(
        (i for i, (a, b) in enumerate(zip(text, wrote, strict=True)) if a != b and b in SLIPS), None
    )
    if at is None:
        return split(text)
    steps = split(text[:at] + wrote[at] + text[at + 1 :])
    known: dict[str, int] = {}
    rewritten = []
    first = text[:at].count(MARK)
    for k, (assignment, written) in enumerate(zip(problem.assignments, steps, strict=False)):
        if k > first:  # goes on from the values that were stated
            left, right = (value(x, known) for x in (assignment.left, assignment.right))
            result = apply(assignment.operation, left, right)
            step = Step(assignment.name, left, assignment.operation, right, result)
            written = f"{step}{MARK}" if k + 1 < len(problem.assignments) else str(step)
        stated = read_step(written)
        if stated is None or stated.name != assignment.name:
            rewritten.append(written)
            break
        known[stated.name] = stated.result
        rewritten.append(written)
    return tuple(rewritten)


def write_samples(samples: Iterable[Sample], file: Path) -> None:
    """Write samples, one JSON line each; the file appears whole or not at all."""
    part = file.with_suffix(".part")
    with part.open("w") as out:
        for s in samples:
            out.write(json.dumps([s.level, s.prompt, s.steps]) + "\n")
    part.replace(file)


def read_samples(file: Path) -> list[Sample]:
    """Read what `write_samples` wrote; labels are computed anew."""
    samples = []
    for line in file.read_text().splitlines():
        level, prompt, steps = json.loads(line)
        samples.append(Sample(level, prompt, tuple(steps), sound(parse(prompt), steps)))
    return samples


def balance(samples: Sequence[Sample]) -> float:
    """Return the share of right steps."""
    labels = [label for s in samples for label in s.labels]
    return sum(labels) / max(1, len(labels))
