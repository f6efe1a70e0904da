"""Training of the countdown models: budgets of tokens, the batched search, self-improvement."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from domains.arithmetic.training.measure import load_policy
from domains.countdown.problems import LEVELS, parse
from domains.countdown.splits import split_of
from domains.countdown.steps import BACKTRACK, GOAL, is_right
from domains.countdown.training.corpus import CountdownCorpus, CountdownSetting
from domains.countdown.training.improvement import (
    ImprovementSetting,
    improve,
    training_problems,
)
from domains.countdown.training.search import best, candidates
from domains.training.token_run import TokenRun
from smc.steps import Extension
from smc.strategies import Options, backtracking
from tests.step_worlds import Script

TINY = CountdownSetting(
    rows=2, length=64, width=32, layers=1, inner=32, head=16, tokens=1000, minutes=0.01
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    work = tmp_path_factory.mktemp("work")
    run = TokenRun(TINY, CountdownCorpus(TINY), work)
    run.train(prompts=4)
    run.export(work / "model")
    return run, work


def test_the_budget_is_one_of_tokens(trained, tmp_path):
    run, _ = trained
    # The last batch is the one that spends what was left.
    assert TINY.tokens <= run.progress.tokens < TINY.tokens + TINY.rows * TINY.length
    again = TokenRun(TINY, CountdownCorpus(TINY), tmp_path)
    again.train(prompts=4)
    for one, other in zip(run.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)  # the clock has no say
    by_clock = replace(TINY, tokens=0)
    timed = TokenRun(by_clock, CountdownCorpus(by_clock), tmp_path / "clock")
    timed.progress.seconds = 0.3
    assert timed.spent() == pytest.approx(0.5)


def test_a_stored_model_takes_half_the_space_and_computes_in_float32(trained):
    run, work = trained
    model, tokenizer = load_policy(work / "model")
    size = (work / "model" / "model.safetensors").stat().st_size
    numbers = sum(p.numel() for p in run.model.parameters())
    assert size < 2.5 * numbers + 10_000
    for one, other in zip(run.model.parameters(), model.parameters(), strict=True):
        assert other.dtype == torch.float32 and torch.equal(one.half().float(), other)
    assert tokenizer.encode(BACKTRACK + GOAL) == [257, 258]
    assert tokenizer.decode([257, 258]) == BACKTRACK + GOAL


# ---- the batched search


def scripted(prompts, seed):
    """What follows a text: the second line goes wrong until the search goes back."""
    rng = np.random.default_rng(seed)
    return [
        f"{rng.integers(3)}\n" + ("x\n" + BACKTRACK if rng.random() < 0.6 else GOAL)
        for _ in prompts
    ]


@pytest.mark.parametrize("seed", range(8))
def test_many_problems_at_once_are_searched_as_one_is_by_the_strategy(seed):
    """The strategy is given what the batch drew, text for text; all but the scores agree."""
    asked: list[list[str]] = []
    drawn: list[list[str]] = []

    def draw_all(prompts, seed):
        asked.append(list(prompts))
        drawn.append(scripted(prompts, seed))
        return drawn[-1]

    (found,) = candidates(["P:"], draw_all, width=4, rounds=3, seed=seed)
    script = Script(lambda s, u: Extension(next(texts), True, 1))
    texts = iter([t for texts in drawn for t in texts])
    result = backtracking(script, "P:", num_solutions=4, rounds=3, options=Options())
    assert ["P:" + "".join(s) for call in script.calls for s in call] == [
        p for own in asked for p in own
    ]
    assert [t.text for t in result.trajectories if t.text.endswith(GOAL)] == found


def test_problems_do_not_see_each_other():
    def draw_all(prompts, seed):
        return [("1\n" + BACKTRACK if p == "A:" else GOAL) for p in prompts]

    first, second = candidates(["A:", "B:"], draw_all, width=2, rounds=2)
    assert first == [] and second == [GOAL] * 2


def test_the_best_candidate_is_that_of_largest_mean_log_probability(trained):
    model, tokenizer = load_policy(trained[1] / "model")
    prompt, texts = "2 3>5\n", ["3+2=5\n" + GOAL, "1" + GOAL, "3-2=1\n9+9=1\n" + GOAL]
    scores = []
    for text in texts:  # one by one, without padding
        ids = [*tokenizer.encode(prompt + text), tokenizer.eos_token_id]
        behind = len(ids) - len(tokenizer.encode(prompt))
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1].log_softmax(-1)
        told = logits.gather(-1, torch.tensor(ids[1:])[:, None])[-behind:]
        scores.append(float(told.detach().mean()))
    found = best(model, tokenizer, [prompt, "x"], [[*texts, texts[0]], []])
    assert found == [texts[int(np.argmax(scores))], None]


# ---- self-improvement


def test_rounds_are_whole_and_are_gone_on_with(trained, tmp_path, monkeypatch):
    """With an answer put into the search's mouth: what is right is learnt, and nothing else."""
    from domains.countdown.training import improvement

    setting = ImprovementSetting(rounds=2, problems=8, epochs=1, width=4)
    problems = training_problems(setting, 1)
    assert len(problems) == 8 and all(split_of(p) == "train" for p in problems)
    assert {len(p.numbers) for p in problems} == set(LEVELS)
    assert problems != training_problems(setting, 2)

    from domains.countdown.solver import solve
    from domains.countdown.steps import write

    def answers(model, tokenizer, prompts, found):
        texts = [write(solve(parse(p)) or ()) + GOAL for p in prompts]
        return [None, "1+1=2\n" + GOAL, *texts[2:]]

    monkeypatch.setattr(improvement, "candidates", lambda prompts, *_, **__: [[] for _ in prompts])
    monkeypatch.setattr(improvement, "best", answers)
    last = improve(setting, trained[1] / "model", tmp_path)
    assert last == tmp_path / "round-2"
    for number in (1, 2):
        facts = json.loads((tmp_path / f"round-{number}" / "round.json").read_text())
        lines = (tmp_path / f"round-{number}" / "solutions.jsonl").read_text().splitlines()
        assert facts["solved"] == len(lines) / 8 == 6 / 8 and facts["steps"] >= 1
        assert all(is_right(parse(p), text) for p, text in map(json.loads, lines))
    before = (tmp_path / "round-1" / "model.safetensors").stat().st_mtime_ns
    (tmp_path / "round-2" / "round.json").unlink()
    assert improve(setting, trained[1] / "model", tmp_path) == last
    assert (tmp_path / "round-1" / "model.safetensors").stat().st_mtime_ns == before
    assert (tmp_path / "round-2" / "round.json").exists()
