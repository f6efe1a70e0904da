"""Training of the reasoning model: what is learnt of an example, batches, runs cut off."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from domains.arithmetic.training.measure import load_policy
from domains.reasoning.puzzles import KINDS, puzzle_of
from domains.reasoning.training.card import table
from domains.reasoning.training.corpus import FORMAT, ReasoningCorpus, ReasoningSetting
from domains.reasoning.training.run import ReasoningRun
from domains.splits import split_of
from potentials.reward_model import load_reward_model

TINY = ReasoningSetting(rows=2, width=32, layers=1, inner=32, head=16, tokens=1500, minutes=0.01)


@pytest.fixture(scope="module")
def corpus():
    return ReasoningCorpus(TINY)


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return corpus.make_tokenizer()


def test_examples_are_of_the_training_part_and_can_be_repeated(corpus):
    examples = list(islice(corpus.examples(2), 600))
    assert examples == list(islice(corpus.examples(2), 600))
    kinds = set()
    for example in examples:
        puzzle = puzzle_of(example.prompt.rpartition("\n\n")[2])
        kinds.add(puzzle.kind)
        assert split_of(puzzle) == "train"
        assert not example.labels or example.labels == puzzle.sound(example.lines)
        assert example.labels or puzzle.is_right("\n".join(example.lines))
    assert kinds == set(KINDS)
    # z = 4 of 600 examples around the shares of the setting.
    for share, own in (
        (TINY.judged, [bool(e.labels) for e in examples]),
        (TINY.direct, [e.prompt.endswith("direct\n") for e in examples]),
    ):
        assert abs(np.mean(own) - share) < 4 * np.sqrt(share * (1 - share) / 600)
    told = [e for e in examples if e.prompt.startswith("Known facts:\n- ")]
    assert 0 < len(told) < 4 * 60


def test_digits_and_signs_are_tokens(tokenizer):
    assert tokenizer.tokenize("12-3=9") == list("12-3=9")
    assert len(tokenizer) <= TINY.vocabulary
    assert FORMAT.mark in tokenizer.all_special_tokens
    good, bad = FORMAT.candidates(tokenizer)
    assert good != bad


def test_texts_are_learnt_and_judged_ones_are_not(corpus, tokenizer):
    examples = list(islice(corpus.examples(0), 8192))
    texts = {"\n".join(e.lines) for e in examples if not e.labels}
    judged = labels = 0
    for batch in islice(corpus.batches(tokenizer, 0), 60):
        assert batch.tokens.size <= TINY.rows * TINY.length or len(batch.tokens) == 1
        for row, weights in zip(batch.tokens, batch.weights, strict=True):
            learnt = tokenizer.decode(row[1:][weights > 0])
            assert learnt == "" or learnt.removesuffix("<|endoftext|>") in texts
            judged += learnt == ""
        marks = batch.tokens[batch.rows, batch.marks]
        assert set(marks.tolist()) <= {tokenizer.convert_tokens_to_ids(FORMAT.mark)}
        assert set(np.unique(batch.labels)) <= {0, 1}
        labels += len(batch.labels)
    assert judged and labels > judged


def test_a_run_that_is_cut_off_goes_on_alike_and_judges_as_it_is_loaded(tmp_path, capsys):
    whole = ReasoningRun(TINY, ReasoningCorpus(TINY), tmp_path / "whole")
    whole.train(prompts=11)
    assert TINY.tokens <= whole.progress.tokens < TINY.tokens + TINY.rows * TINY.length
    first = ReasoningRun(TINY, ReasoningCorpus(TINY), tmp_path / "cut")
    source = first.corpus.batches(first.tokenizer, 0)
    batch = next(source)
    assert first.spent() == 0
    first.save()
    again = ReasoningRun(TINY, ReasoningCorpus(TINY), tmp_path / "cut")
    again.train(prompts=11)
    for one, other in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)
    assert np.isfinite(whole.loss(batch).item())
    whole.export(tmp_path / "model")
    model, _ = load_policy(tmp_path / "model")
    assert next(model.parameters()).dtype == torch.float32
    reward = load_reward_model(str(tmp_path / "model"), "math-shepherd", device="cpu")
    ((score, _),) = reward.scores("lookup: a?\nsteps\n", [("one\n", "answer: two")])
    assert 0 < score < 1
    assert table(tmp_path / "model", 1).count("\n") == len(KINDS) - 1
    with pytest.raises(ValueError, match="another --work"):
        changed = replace(TINY, seed=5)
        ReasoningRun(changed, ReasoningCorpus(changed), tmp_path / "cut")
