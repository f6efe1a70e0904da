"""Corpus: solutions by steps and at once, some told what an associative memory recalls."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from domains.reasoning.memory import recalled
from domains.reasoning.puzzles import KINDS, Puzzle, draw_from
from domains.training.batch import Batch
from domains.training.setting import Setting
from domains.training.tokenizer import train_tokenizer
from smc.strategies.coat import with_memories

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

WORDS = r"\n|[0-9]| ?[A-Za-z]+|[^A-Za-z0-9\s]| "
"""A digit and a sign are tokens of their own; a word takes the one space before it along."""
EXAMPLES_AN_EPOCH = 8192
Row = tuple[list[int], int]
"""Token ids, and from which of them on they are learnt."""
IN_TURN = (*KINDS, "arithmetic", "game24")
"""Kinds that need more practice come twice."""


@dataclass(frozen=True)
class ReasoningSetting(Setting):
    """Sizes and budget; `length` bounds a row, `rows · length` the tokens of a batch.

    Attributes:
        begin: The model whose weights it begins with, of the same sizes; "": none.
        tokens: Read in all, padding included, which the learning rate follows in the place of the
            time. 0: `minutes` decide.
        direct: Share of the examples that answer at once.
        recalled: Share that are told what a memory recalls on the way.
    """

    minutes: float = 25.0
    rows: int = 8
    length: int = 256
    width: int = 128
    layers: int = 8
    inner: int = 256
    head: int = 32
    vocabulary: int = 640
    context: int = 512
    rate: float = 0.6
    begin: str = "embedded:arithmetic-judge"
    tokens: int = 2_400_000
    direct: float = 0.15
    recalled: float = 0.1


@dataclass(frozen=True)
class Example:
    """A text to learn from.

    Attributes:
        prompt: Not learnt.
        lines: Without newlines; learnt.
    """

    prompt: str
    lines: tuple[str, ...]


class ReasoningCorpus:
    """Batches of examples of like length; see `Corpus`.

    Args:
        setting: Sizes, seed and shares.
    """

    def __init__(self, setting: ReasoningSetting) -> None:
        self.setting = setting

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return a tokenizer of bytes, digits and words of the puzzles."""
        texts = [
            e.prompt + "\n".join(e.lines)
            for e, _ in zip(self.examples(0), range(3000), strict=False)
        ]
        setting = self.setting
        return train_tokenizer(texts, setting.vocabulary, setting.context, WORDS)

    def examples(self, epoch: int) -> Iterator[Example]:
        """Yield the examples of an epoch."""
        rng = random.Random(f"reasoning {self.setting.seed} {epoch}")
        for k in range(EXAMPLES_AN_EPOCH):
            yield self._example(draw_from("train", IN_TURN[k % len(IN_TURN)], rng), rng)

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches without end."""
        budget, end = self.setting.rows * self.setting.length, tokenizer.eos_token_id
        assert isinstance(end, int)
        while True:
            rows = [_row(e, tokenizer, end) for e in self.examples(epoch)]
            order = sorted(range(len(rows)), key=lambda i: len(rows[i][0]))
            groups: list[list[Row]] = [[]]
            for row in (rows[i] for i in order):
                if groups[-1] and len(row[0]) * (len(groups[-1]) + 1) > budget:
                    groups.append([])
                groups[-1].append(row)
            random.Random(f"order {self.setting.seed} {epoch}").shuffle(groups)
            for group in groups:
                yield _padded(group, epoch, end)
            epoch += 1

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return the share of right greedy answers by kind."""
        from domains.reasoning.training.measure import accuracies

        return accuracies(model, tokenizer, "calibration", prompts, seed=0)

    def _example(self, puzzle: Puzzle, rng: random.Random) -> Example:
        setting, kind = self.setting, rng.random()
        lines = puzzle.solve().lines
        if kind < setting.direct:
            return Example(puzzle.prompt("direct"), lines[-1:])
        prompt = puzzle.prompt()
        if kind < setting.direct + setting.recalled:
            seen = lines[: rng.randrange(len(lines))]
            told = with_memories(prompt, recalled(prompt, [f"{line}\n" for line in seen]))
            assert isinstance(told, str)
            prompt = told
        return Example(prompt, lines)


def _row(example: Example, tokenizer: PreTrainedTokenizerFast, end: int) -> Row:
    prompt = tokenizer.encode(example.prompt)
    text = tokenizer.encode("\n".join(example.lines))
    return [*prompt, *text, end], len(prompt)


def _padded(group: Sequence[Row], epoch: int, end: int) -> Batch:
    width = max(len(ids) for ids, _ in group)
    tokens = np.full((len(group), width), end, dtype=np.int64)
    weights = np.zeros((len(group), width - 1), dtype=np.float32)
    for r, (ids, learnt) in enumerate(group):
        tokens[r, : len(ids)] = ids
        weights[r, learnt - 1 : len(ids) - 1] = 1.0  # the end is learnt, too
    return Batch(epoch, tokens, weights)
