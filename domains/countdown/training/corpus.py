"""Corpus: optimal paths, and beginnings of them with one mistake and the mark of backtracking."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from domains.countdown.problems import LEVELS, CountdownProblem, Operation, sensible
from domains.countdown.solver import reachable
from domains.countdown.splits import draw
from domains.countdown.steps import BACKTRACK, GOAL, write
from domains.training.batch import Batch
from domains.training.setting import Setting
from domains.training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LEVELS_IN_TURN = (3, 3, 3, 4)
EXAMPLES_AN_EPOCH = 8192
KINDS = ("backtracking", "plain")


@dataclass(frozen=True)
class CountdownSetting(Setting):
    """Sizes and budget; `length` bounds a row, `rows · length` the tokens of a batch.

    Attributes:
        kind: `backtracking`, half of the examples end in a mistake and the mark; or `plain`, all
            are optimal paths.
        tokens: Read in all, padding included, which the learning rate follows in the place of the
            time; so two models can be trained alike, on any machine. 0: `minutes` decide.
        mistakes: Share of the examples that end in a mistake.
        slips: Share of the mistakes that are miscalculated; the others lead into a dead end.
    """

    minutes: float = 20.0
    rows: int = 8
    length: int = 256
    width: int = 128
    layers: int = 4
    inner: int = 256
    head: int = 32
    vocabulary: int = 259
    context: int = 128
    kind: str = "backtracking"
    tokens: int = 3_500_000
    mistakes: float = 0.5
    slips: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(KINDS)}.")


@dataclass(frozen=True)
class Example:
    """A text to learn from.

    Attributes:
        prompt: Not learnt.
        sound: The operations so far, all of an optimal path; learnt.
        mistake: The line of a mistake, read and never learnt; empty where there is none.
        end: The mark behind it; learnt.
    """

    prompt: str
    sound: str
    mistake: str
    end: str

    @property
    def text(self) -> str:
        """All of it."""
        return self.prompt + self.sound + self.mistake + self.end


def optimal(problem: CountdownProblem, path: Sequence[Operation]) -> Example:
    """Return a whole path, to be learnt."""
    return Example(problem.text, write(path), "", GOAL)


def mistaken(
    problem: CountdownProblem, path: Sequence[Operation], rng: random.Random, slips: float
) -> Example:
    """Return the beginning of a path, a mistake and the mark of backtracking.

    The mistake is an operation after which the target cannot be reached, whatever follows; or with
    a probability of `slips` one of the path with a wrong result. Where the first kind does not
    exist at the place drawn, the second is taken.
    """
    at = rng.randrange(len(path))
    numbers = problem.numbers
    for operation in path[:at]:
        numbers = sensible(numbers)[operation]
    dead_ends = [
        o for o, rest in sensible(numbers).items() if problem.target not in reachable(rest)
    ]
    if dead_ends and rng.random() >= slips:
        wrong = rng.choice(dead_ends)
    else:
        wrong = _miscalculated(path[at], rng)
    return Example(problem.text, write(path[:at]), write([wrong]), BACKTRACK)


def _miscalculated(operation: Operation, rng: random.Random) -> Operation:
    off = rng.choice([d for d in (-10, -2, -1, 1, 2, 10) if operation.result + d > 0])
    return Operation(operation.left, operation.sign, operation.right, operation.result + off)


class CountdownCorpus:
    """Batches of examples of like length; see `Corpus`.

    Args:
        setting: Sizes, seed and shares.
    """

    def __init__(self, setting: CountdownSetting) -> None:
        self.setting = setting

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return a tokenizer of bytes, and the two marks."""
        tokenizer = train_tokenizer([], 257, self.setting.context)
        tokenizer.add_tokens([BACKTRACK, GOAL])
        return tokenizer

    def examples(self, epoch: int) -> Iterator[Example]:
        """Yield the examples of an epoch."""
        setting = self.setting
        rng = random.Random(f"countdown {setting.seed} {epoch}")
        mistakes = 0.0 if setting.kind == "plain" else setting.mistakes
        for k in range(EXAMPLES_AN_EPOCH):
            problem, path = draw("train", LEVELS_IN_TURN[k % len(LEVELS_IN_TURN)], rng)
            if rng.random() < mistakes:
                yield mistaken(problem, path, rng, setting.slips)
            else:
                yield optimal(problem, path)

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches without end."""
        budget = self.setting.rows * self.setting.length
        while True:
            seed = f"order {self.setting.seed} {epoch}"
            yield from batched(self.examples(epoch), tokenizer, epoch, budget, seed)
            epoch += 1

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return the share of right greedy answers, by level, on the calibration part."""
        from domains.countdown.training.measure import greedy_accuracy

        return greedy_accuracy(model, tokenizer, "calibration", prompts, seed=0, levels=LEVELS)


def batched(
    examples: Iterable[Example],
    tokenizer: PreTrainedTokenizerFast,
    epoch: int,
    budget: int,
    seed: str,
) -> Iterator[Batch]:
    """Yield batches of at most `budget` tokens, of like length each, in a random order."""
    chosen = list(examples)
    rows = tokenizer([e.text for e in chosen])["input_ids"]
    order = sorted(range(len(chosen)), key=lambda i: len(rows[i]))
    groups: list[list[int]] = [[]]
    for i in order:
        if groups[-1] and (len(rows[i]) + 1) * (len(groups[-1]) + 1) > budget:
            groups.append([])
        groups[-1].append(i)
    random.Random(seed).shuffle(groups)
    end = tokenizer.eos_token_id
    assert isinstance(end, int)
    for group in groups:
        yield _padded([chosen[i] for i in group], [rows[i] for i in group], epoch, end)


def _padded(examples: Sequence[Example], rows: Sequence[list[int]], epoch: int, end: int) -> Batch:
    """Return a batch padded on the right; a character is a token, the marks at the end are one."""
    width = max(map(len, rows)) + 1
    tokens = np.full((len(rows), width), end, dtype=np.int64)
    weights = np.zeros((len(rows), width - 1), dtype=np.float32)
    for r, (example, row) in enumerate(zip(examples, rows, strict=True)):
        tokens[r, : len(row)] = row
        learnt = len(example.prompt)
        mistake = learnt + len(example.sound)
        weights[r, learnt - 1 : len(row)] = 1.0  # the end is learnt, too
        weights[r, mistake - 1 : mistake - 1 + len(example.mistake)] = 0.0
    return Batch(epoch, tokens, weights)
