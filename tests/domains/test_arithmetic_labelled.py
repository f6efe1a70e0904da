"""Labelled batches of the reward model: right solutions to foretell, and labelled ones to judge."""

from __future__ import annotations

import random
from itertools import islice

import numpy as np
import pytest
from transformers import AutoTokenizer

from domains.arithmetic.problems import parse
from domains.arithmetic.splits import split_of
from domains.arithmetic.steps import solve, sound
from domains.arithmetic.task import PRM
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.labelled import FORMAT, characters, labelled, lesson
from domains.arithmetic.training.prm import LabelledSamples, PrmRun, PrmSetting
from domains.arithmetic.training.samples import Sample

PROMPT = "a=7+5;b=a*3;b?\n"
STEPS = ("a=7+5=12\n", "b=12*3=39")
WRONG = Sample(1, PROMPT, STEPS, sound(parse(PROMPT), STEPS))


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(PRM)


def read(tokenizer, sample: Sample):
    return sample, FORMAT.readings(tokenizer, sample.prompt, sample.steps)[0]


def test_only_the_right_beginning_is_to_be_foretold(tokenizer):
    sample, reading = read(tokenizer, WRONG)
    batch = labelled([(sample, reading)], 3, tokenizer.pad_token_id)
    assert batch.weights is not None and batch.epoch == 3
    asked = batch.tokens[0, 1:][batch.weights[0] > 0]
    assert tokenizer.decode(asked).startswith("a=7+5=12")
    assert "b" not in tokenizer.decode(asked)
    assert batch.labels.tolist() == [1, 0] and batch.marks.tolist() == list(reading.marks)


def test_characters_are_right_up_to_the_first_that_is_not(tokenizer):
    sample, reading = read(tokenizer, WRONG)
    said = dict(characters(sample, reading.marks))
    text = {at: tokenizer.decode([reading.ids[at]]) for at in said}
    assert "".join(text.values()) == "a=7+5=12b=12*3=39"
    assert [text[at] for at, right in said.items() if not right] == ["9"]


def test_a_lesson_is_right_and_of_the_training_part_and_judges_nothing(tokenizer):
    batch = lesson(tokenizer, random.Random(0), 600)
    assert batch.tokens[:, 1:].size <= 600 and len(batch.tokens) > 1
    assert not len(batch.labels) and (batch.so_far == -1).all()
    for row in batch.tokens:
        ids = row[row != tokenizer.pad_token_id]
        text = tokenizer.decode(ids).replace(f" {FORMAT.mark}", "")
        prompt, _, solution = text.partition("\n")
        problem = parse(prompt + "\n")
        assert split_of(problem) == "train"
        assert solution.strip() == "".join(solve(problem)).strip()


def test_lessons_come_first_and_once(tokenizer):
    setting = PrmSetting(lessons=3, rows=2)
    corpus = LabelledSamples(setting, MODEL, [WRONG], [])
    judged = [len(b.labels) for b in islice(corpus.batches(tokenizer, 0), 5)]  # type: ignore[attr-defined]
    assert judged == [0, 0, 0, 2, 2]
    judged = [len(b.labels) for b in islice(corpus.batches(tokenizer, 1), 2)]  # type: ignore[attr-defined]
    assert judged == [2, 2]


def test_a_lesson_leaves_the_judging_layers_alone(tokenizer, tmp_path):
    setting = PrmSetting(minutes=1e9, rows=2, lessons=1)
    run = PrmRun(setting, LabelledSamples(setting, MODEL, [WRONG], []), tmp_path)
    layers = run.model.model.layers

    def weights() -> list[np.ndarray]:
        return [layer.mlp.down_proj.weight.detach().numpy().copy() for layer in layers]

    before = weights()
    for batch, touched in zip(
        run.corpus.batches(run.tokenizer, 0),
        (len(layers) - setting.judging, len(layers)),
        strict=False,
    ):
        run.step(batch)
        after = weights()
        changed = [not np.array_equal(a, b) for a, b in zip(before, after, strict=True)]
        assert changed == [True] * touched + [False] * (len(layers) - touched)
