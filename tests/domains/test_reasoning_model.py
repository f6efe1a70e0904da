"""The embedded reasoning model: what its card says, and what its own likelihood is worth."""

from __future__ import annotations

import json
import re
from itertools import islice

import numpy as np

import smc
from domains.arithmetic.training.measure import draw, load_policy
from domains.reasoning.judge import MODEL, reward_model
from domains.reasoning.puzzles import KINDS, puzzles

CARD = (MODEL / "README.md").read_text(encoding="utf-8")


def test_greedy_answers_are_right_as_often_as_the_card_says():
    """z = 4 of 24 puzzles of arithmetic, against the lower end of the card; seed set beforehand."""
    row = re.search(r"\| arithmetic \| ([\d.]+) \(([\d.]+), ", CARD)
    assert row is not None
    low = float(row[2])
    model, tokenizer = load_policy(MODEL)
    chosen = list(islice(puzzles("test", 9, ("arithmetic",)), 24))
    texts = draw(model, tokenizer, [p.prompt() for p in chosen], seed=0, temperature=0.0)
    share = np.mean([p.is_right(t) for p, t in zip(chosen, texts, strict=True)])
    assert share > low - 4 * np.sqrt(low * (1 - low) / 24)


def test_the_card_is_that_of_the_weights():
    facts = json.loads((MODEL / "training.json").read_text())
    assert f"| {facts['step']:,} of about" in CARD
    assert all(f"| {kind} | " in CARD for kind in KINDS)
    assert (MODEL / "model.safetensors").stat().st_size < 5e6


def test_right_sums_are_likelier_than_wrong_ones():
    reward = reward_model()
    for puzzle in islice(puzzles("test", 9, ("arithmetic",)), 6):
        line = puzzle.solve().steps[0]
        wrong = line[:-1] + str((int(line[-1]) + 1) % 10)
        right, worse = reward.scores(puzzle.prompt(), [(f"{line}\n",), (f"{wrong}\n",)])
        assert right[0] > worse[0]
    assert smc.embedded("reasoning") == str(MODEL)
