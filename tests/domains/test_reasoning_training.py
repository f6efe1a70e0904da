"""Training of the reasoning model: what is learnt of an example, batches, runs cut off."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch

from domains.arithmetic.training.measure import load_policy
from domains.reasoning.judge import FORMAT, likelihood_judge
from domains.reasoning.puzzles import KINDS, puzzle_of
from domains.reasoning.training.beginning import inherit
from domains.reasoning.training.card import table
from domains.reasoning.training.corpus import ReasoningCorpus, ReasoningSetting
from domains.reasoning.training.run import ReasoningRun
from domains.splits import split_of
from potentials.reward_model import LikelihoodReward

TINY = ReasoningSetting(rows=2, width=32, layers=1, inner=32, head=16, tokens=1500, begin="")


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
        assert puzzle.is_right("\n".join(example.lines))
    assert kinds == set(KINDS)
    # z = 4 of 600 examples around the shares of the setting.
    share, own = TINY.direct, [e.prompt.endswith("direct\n") for e in examples]
    assert abs(np.mean(own) - share) < 4 * np.sqrt(share * (1 - share) / 600)
    told = [e for e in examples if e.prompt.startswith("Known facts:\n- ")]
    assert 0 < len(told) < 4 * 60


def test_digits_and_signs_are_tokens(tokenizer):
    assert tokenizer.tokenize("12-3=9") == list("12-3=9")
    assert len(tokenizer) <= TINY.vocabulary


def test_solutions_are_learnt_and_prompts_are_not(corpus, tokenizer):
    texts = {"\n".join(e.lines) + "<|endoftext|>" for e in corpus.examples(0)}
    for batch in islice(corpus.batches(tokenizer, 0), 60):
        assert batch.tokens.size <= TINY.rows * TINY.length or len(batch.tokens) == 1
        for row, weights in zip(batch.tokens, batch.weights, strict=True):
            assert tokenizer.decode(row[1:][weights > 0]) in texts


def test_a_run_begins_with_what_another_model_knows(tmp_path):
    """Sizes of the model that is taken over; it works sums out before a step is made."""
    run = ReasoningRun(replace(ReasoningSetting(), tokens=1), ReasoningCorpus(TINY), tmp_path)
    run.model.eval()
    reward = likelihood(run)
    right, wrong = ((f"a=7+5={n}\n",) for n in (12, 13))
    scores = reward.log_likelihoods("arithmetic: a=7+5;b=a*3;b?\nsteps\n", [right, wrong])
    assert scores[0][0] > scores[1][0] + 1
    with pytest.raises(ValueError, match="has other layers"):
        inherit(run.model, run.tokenizer, "embedded:countdown", 0)


def likelihood(run):
    return LikelihoodReward(run.model, run.tokenizer, FORMAT)


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
    reward = likelihood_judge(str(tmp_path / "model"))
    ((first, last),) = reward.scores("lookup: a?\nsteps\n", [("one\n", "answer: two")])
    assert 0 < last < first < 1
    assert table(tmp_path / "model", 1).count("\n") == len(KINDS) - 1
    with pytest.raises(ValueError, match="another --work"):
        changed = replace(TINY, seed=5)
        ReasoningRun(changed, ReasoningCorpus(changed), tmp_path / "cut")
