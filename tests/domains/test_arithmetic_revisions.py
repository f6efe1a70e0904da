"""The revision model of the arithmetic domain: its format, its data, its study."""

from __future__ import annotations

import dataclasses
import random
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

import benchmarks
import smc
from benchmarks import journal
from benchmarks.revising.beside import run_beside, sampled_runs
from benchmarks.revising.choosing import Replay, answered, sampled
from benchmarks.revising.drawing import Drawn, draw_problems, lengths
from benchmarks.revising.outcomes import outcome
from benchmarks.revising.report import report
from domains.arithmetic.problems import parse
from domains.arithmetic.revising import CONTEXT, REVISER, revise
from domains.arithmetic.scorers import OracleScorer
from domains.arithmetic.splits import problems, split_of
from domains.arithmetic.steps import solve
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.attempts import (
    Attempts,
    draw_attempts,
    edit_distances,
    read_attempts,
    write_attempts,
)
from domains.arithmetic.training.measure import draw, is_right, load_policy
from domains.arithmetic.training.revisions import RevisionCorpus, RevisionSetting
from smc.errors import ModelError, PromptError

PROBLEM = "a=7+5;b=a*3;c=b-6;c?\n"
SOLUTION = "".join(solve(parse(PROBLEM)))
WRONG = tuple(SOLUTION.replace("=30", f"={30 + k}") for k in range(1, 7))


def test_attempts_stand_before_the_problem_the_newest_last():
    assert revise(PROBLEM, []) == PROBLEM
    shown = revise(PROBLEM, ["one", "two\n", *"345"])
    assert shown == "two\n~\n3\n~\n4\n~\n5\n~\n" + PROBLEM
    with pytest.raises(PromptError, match="list"):
        revise([{"role": "user", "content": PROBLEM}], [])


def levenshtein(a: str, b: str) -> int:
    """By the recursion itself."""
    table = {(i, 0): i for i in range(len(a) + 1)} | {(0, j): j for j in range(len(b) + 1)}
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            table[i, j] = min(
                table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (x != y)
            )
    return table[len(a), len(b)]


def test_edit_distances_are_those_of_the_recursion():
    rng = random.Random(4)
    words = ["".join(rng.choices("ab1", k=rng.randint(0, 9))) for _ in range(40)]
    for text in (*words[:8], "kitten"):
        others = [*words, "sitting"]
        expected = [levenshtein(text, other) for other in others]
        assert edit_distances(text, others).tolist() == expected
    assert edit_distances("kitten", ["sitting"]).tolist() == [3]
    assert edit_distances("kitten", []).size == 0


def test_the_nearest_attempt_stands_last():
    """Counts of 0 to 4 attempts are alike: 5,000 chains, z = 4, seed fixed beforehand."""
    rng = random.Random(5)
    attempts = Attempts(PROBLEM, SOLUTION, WRONG)
    chains = [attempts.chain(rng) for _ in range(5000)]
    for chain in chains:
        ranks = [WRONG.index(text) for text in chain]
        assert len(set(ranks)) == len(ranks) and (not ranks or ranks[-1] == min(ranks))
    counts = np.bincount([len(c) for c in chains], minlength=5)
    assert (abs(counts - 1000) < 4 * np.sqrt(5000 * 0.2 * 0.8)).all()
    others = [c[:-1] for c in chains if len(c) == 4]
    assert any(list(o) != sorted(o, key=WRONG.index) for o in others)
    few = dataclasses.replace(attempts, wrong=WRONG[:1])
    assert {few.chain(rng) for _ in range(50)} == {(), WRONG[:1]}
    assert dataclasses.replace(attempts, wrong=()).chain(rng) == ()


def test_attempts_are_wrong_and_of_the_training_part(tmp_path):
    drawn = list(draw_attempts(*load_policy(MODEL), 2, 6, seed=1))
    assert len(drawn) == 2
    for each in drawn:
        problem = parse(each.problem)
        assert split_of(problem) == "train" and each.solution == "".join(solve(problem))
        assert not any(is_right(problem, text) for text in each.wrong)
        distances = edit_distances(each.solution, each.wrong)
        assert (np.diff(distances) >= 0).all()
    file = tmp_path / "attempts.jsonl"
    write_attempts(iter(drawn[:1]), file)
    write_attempts(iter(drawn[1:]), file)
    assert read_attempts(file) == drawn


def test_only_the_solution_is_to_be_learnt():
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    setting = RevisionSetting(rows=2, length=256)
    corpus = RevisionCorpus(setting, MODEL, [Attempts(PROBLEM, SOLUTION, WRONG)])
    batch = next(corpus.batches(tokenizer, 0))
    assert batch.weights is not None
    for tokens, weights in zip(batch.tokens, batch.weights, strict=True):
        learnt = tokens[1:][weights > 0]
        assert tokenizer.decode(learnt[:-1]) == SOLUTION
        assert learnt[-1] == tokenizer.eos_token_id
        assert tokenizer.decode(tokens[: list(weights > 0).index(True) + 1]).endswith(PROBLEM)


def test_every_ratio_finds_its_attempts():
    for n in (1, 2, 8, 16):
        goals = lengths(n)
        for k in range(n.bit_length()):
            assert all(goal >= n >> k for goal in goals[: 2**k])
        assert sum(goals) == n + n // 2 * (n.bit_length() - 1)


RIGHT = Drawn(3, PROBLEM, ((WRONG[0], SOLUTION), (WRONG[1],)), (WRONG[0], SOLUTION))


def test_ratios_are_answered_by_the_strategy():
    assert answered(RIGHT, 1, 2, OracleScorer()) and not answered(RIGHT, 2, 2, OracleScorer())
    assert sampled(RIGHT, 2, OracleScorer()) and not sampled(RIGHT, 1, OracleScorer())
    assert not answered(RIGHT, 1, 2, None)  # a tie of votes goes to the first


def test_a_record_says_what_was_right_and_what_it_cost():
    """By hand: of two like votes the first counts, and the oracle finds what is there."""
    wrong, other, third = WRONG[:3]
    chains = ((wrong, SOLUTION, SOLUTION, other), (wrong, SOLUTION), (other,), (third,))
    drawn = Drawn(3, PROBLEM, chains, (wrong, SOLUTION, wrong, other))
    record = outcome(drawn, 4, OracleScorer())
    assert (record["sample"], record["chain"]) == (0, [0, 1, 1, 0])
    votes, judged = (record["chosen"][name]["4"] for name in ("votes", "the verifier"))
    assert votes == {"samples of the policy": 0, "1 × 4": 1, "2 × 2": 0, "4 × 1": 0}
    assert judged == {"samples of the policy": 1, "1 × 4": 1, "2 × 2": 1, "4 × 1": 0}
    assert set(map(len, (wrong, other, third))) == {len(SOLUTION)}
    assert set(record["tokens"]["4"].values()) == {4 * (len(SOLUTION) + 1)}


def test_votes_and_best_of_n_are_read_off_the_same_samples():
    drawn = Drawn(3, PROBLEM, ((),), (WRONG[0], SOLUTION, WRONG[0], WRONG[1]))
    runs = sampled_runs(drawn, OracleScorer(), [1, 2, 4])
    right = {(r["strategy"], r["num_solutions"]): r["correct"] for r in runs}
    assert [right["majority_vote", n] for n in (1, 2, 4)] == [0, 0, 0]
    assert [right["best_of_n", n] for n in (1, 2, 4)] == [0, 1, 1]


def test_what_was_drawn_for_another_prompt_is_refused():
    replay = Replay(((WRONG[0], SOLUTION),))
    rng = [np.random.default_rng(0)]
    replay.write([PROBLEM], rngs=rng)
    with pytest.raises(ModelError, match="expected the attempts"):
        replay.write([revise(PROBLEM, [WRONG[1]])], rngs=rng)


def test_the_study_is_drawn_once_and_reported(tmp_path):
    policy = load_policy(MODEL)
    file = tmp_path / "drawn.jsonl"
    first = draw_problems(policy, policy, 2, 4, file, at_once=2)
    both = draw_problems(policy, policy, 4, 4, file, at_once=2)
    assert both[:2] == first and [d.level for d in both] == [2, 3, 4, 5]
    assert [len(c) for c in both[0].chains] == lengths(4) and len(both[0].parallel) == 4
    scorer = OracleScorer()
    searched = tmp_path / "searched.jsonl"
    run_beside(MODEL, scorer, both[:1], 4, searched)
    others = run_beside(MODEL, scorer, both, 4, searched)
    assert run_beside(MODEL, scorer, both, 4, searched) == others
    records = [outcome(d, 4, scorer) | own for d, own in zip(both, others, strict=True)]
    page = report(records)
    assert page.count("| 2 × 2 |") == 2 and "chosen by level" in page and "| 4 | " in page
    assert draw_problems(policy, policy, 4, 4, file) == both and CONTEXT == 4


def test_the_published_tables_are_those_of_their_records():
    results = Path(benchmarks.__file__).parent / "results"
    records = journal.read(results / "revisions" / "arithmetic.jsonl")
    assert len({record["problem"] for record in records}) == len(records) == 120
    page = (results / "revisions.md").read_text(encoding="utf-8")
    assert page.startswith(report(records).rstrip())


def test_the_stored_model_answers_with_and_without_attempts_in_sight():
    """Its card's figures at level 2 are near 1; z = 4 of 20 problems at 0.9, seed fixed before."""
    model = load_policy(REVISER)
    chosen = [p for _, p in islice(problems("test", 8, (2,)), 20)]
    least = 20 * 0.9 - 4 * np.sqrt(20 * 0.9 * 0.1)
    wrong = ["".join(solve(p)) + "0" for p in chosen]
    for attempts in ([[]] * 20, [[text] for text in wrong]):
        prompts = [revise(p.text, own) for p, own in zip(chosen, attempts, strict=True)]
        texts = draw(*model, prompts, seed=8)
        assert sum(is_right(p, t) for p, t in zip(chosen, texts, strict=True)) >= least
    assert smc.embedded("arithmetic-reviser") == str(REVISER)
