"""Corpus: solutions by steps and at once, with and without memories, and lines to be judged."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from domains.reasoning.memory import recalled
from domains.reasoning.puzzles import KINDS, Puzzle, draw
from domains.reasoning.training.mistakes import mistaken
from domains.splits import Split, split_of
from domains.training.batch import Batch
from domains.training.setting import Setting
from domains.training.tokenizer import train_tokenizer
from potentials.reward_model.formats import MathShepherd
from potentials.reward_model.texts import question_of
from smc.strategies.coat import with_memories

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

FORMAT = MathShepherd()
WORDS = r"\n|[0-9]| ?[A-Za-z]+|[^A-Za-z0-9\s]| "
"""A digit and a sign are tokens of their own; a word takes the one space before it along."""
EXAMPLES_AN_EPOCH = 8192
IN_TURN = (*KINDS, "arithmetic", "game24")
"""Kinds that need more practice come twice."""


@dataclass(frozen=True)
class ReasoningSetting(Setting):
    """Sizes and budget; `length` bounds a row, `rows · length` the tokens of a batch.

    Attributes:
        tokens: Read in all, padding included, which the learning rate follows in the place of the
            time. 0: `minutes` decide.
        direct: Share of the examples that answer at once.
        recalled: Share that are told what a memory recalls on the way.
        judged: Share whose lines are judged; most have a mistake.
        label: How much the loss of a label counts, in tokens.
    """

    minutes: float = 25.0
    rows: int = 8
    length: int = 256
    width: int = 128
    layers: int = 6
    inner: int = 320
    head: int = 32
    vocabulary: int = 640
    context: int = 512
    tokens: int = 4_000_000
    direct: float = 0.15
    recalled: float = 0.1
    judged: float = 0.35
    label: float = 4.0


@dataclass(frozen=True)
class Example:
    """A text to learn from.

    Attributes:
        prompt: Not learnt.
        lines: Without newlines.
        labels: Of the lines, to be foretold in the place of the text; (): the text is learnt.
    """

    prompt: str
    lines: tuple[str, ...]
    labels: tuple[bool, ...] = ()


@dataclass(frozen=True)
class JudgedBatch(Batch):
    """Rows, some with lines to judge.

    Attributes:
        rows: `[M]` the row of each mark.
        marks: `[M]` its position.
        labels: `[M]` 1 where all lines up to it are sound.
    """

    rows: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    marks: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    labels: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass(frozen=True)
class _Row:
    ids: list[int]
    learnt: int  # from this token on; all of it is read otherwise
    marks: tuple[int, ...] = ()
    labels: tuple[bool, ...] = ()


class ReasoningCorpus:
    """Batches of examples of like length; see `Corpus`.

    Args:
        setting: Sizes, seed and shares.
    """

    def __init__(self, setting: ReasoningSetting) -> None:
        self.setting = setting

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return a tokenizer of bytes, digits, words of the puzzles, and the mark of the judge."""
        texts = [
            e.prompt + "\n".join(e.lines)
            for e, _ in zip(self.examples(0), range(3000), strict=False)
        ]
        setting = self.setting
        tokenizer = train_tokenizer(texts, setting.vocabulary - 1, setting.context, WORDS)
        tokenizer.add_special_tokens({"additional_special_tokens": [FORMAT.mark]})
        return tokenizer

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
            order = sorted(range(len(rows)), key=lambda i: len(rows[i].ids))
            groups: list[list[_Row]] = [[]]
            for row in (rows[i] for i in order):
                if groups[-1] and len(row.ids) * (len(groups[-1]) + 1) > budget:
                    groups.append([])
                groups[-1].append(row)
            random.Random(f"order {self.setting.seed} {epoch}").shuffle(groups)
            for group in groups:
                yield _padded(group, epoch, end)
            epoch += 1

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return the share of right greedy answers by kind, and the judge's quality."""
        from domains.reasoning.training.measure import accuracies, judging

        found = accuracies(model, tokenizer, "calibration", prompts, seed=0)
        return found | judging(model, tokenizer, "calibration", prompts, seed=0)

    def _example(self, puzzle: Puzzle, rng: random.Random) -> Example:
        setting, kind = self.setting, rng.random()
        if kind < setting.judged:
            right = rng.random() < 0.2
            lines = puzzle.solve().lines if right else mistaken(puzzle, rng)
            return Example(puzzle.prompt(), lines, puzzle.sound(lines))
        lines = puzzle.solve().lines
        if kind < setting.judged + setting.direct:
            return Example(puzzle.prompt("direct"), lines[-1:])
        prompt = puzzle.prompt()
        if kind < setting.judged + setting.direct + setting.recalled:
            seen = lines[: rng.randrange(len(lines))]
            told = with_memories(prompt, recalled(prompt, [f"{line}\n" for line in seen]))
            assert isinstance(told, str)
            prompt = told
        return Example(prompt, lines)


def draw_from(split: Split, kind: str, rng: random.Random) -> Puzzle:
    """Return a random puzzle of a kind and a part."""
    while True:
        puzzle = draw(kind, rng)
        if split_of(puzzle) == split:
            return puzzle


def _row(example: Example, tokenizer: PreTrainedTokenizerFast, end: int) -> _Row:
    if example.labels:
        question = question_of(example.prompt)
        reading = FORMAT.readings(tokenizer, question, example.lines)[0]
        return _Row([*reading.ids, end], len(reading.ids) + 1, reading.marks, example.labels)
    prompt = tokenizer.encode(example.prompt)
    text = tokenizer.encode("\n".join(example.lines))
    return _Row([*prompt, *text, end], len(prompt))


def _padded(group: Sequence[_Row], epoch: int, end: int) -> JudgedBatch:
    width = max(len(row.ids) for row in group)
    tokens = np.full((len(group), width), end, dtype=np.int64)
    weights = np.zeros((len(group), width - 1), dtype=np.float32)
    rows, marks, labels = [], [], []
    for r, row in enumerate(group):
        tokens[r, : len(row.ids)] = row.ids
        weights[r, row.learnt - 1 : len(row.ids) - 1] = 1.0  # the end is learnt, too
        rows += [r] * len(row.marks)
        marks += row.marks
        labels += row.labels
    places = (np.array(each, dtype=np.int64) for each in (rows, marks, labels))
    return JudgedBatch(epoch, tokens, weights, None, None, *places)
