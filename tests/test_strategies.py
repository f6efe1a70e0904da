"""Strategies: what they reduce to, what they choose, what they count."""

from __future__ import annotations

import math

import numpy as np
import pytest

from smc.errors import EndpointError, PotentialError, SettingsError
from smc.steps import Budget, Extension
from smc.strategies import (
    STRATEGIES,
    Options,
    beam,
    best_of_n,
    dvts,
    lookahead,
    majority_vote,
    particle_filter,
    particle_gibbs,
    weighted_best_of_n,
)
from smc.strategies.aggregate import aggregate, judge, select
from smc.strategies.trajectories import Trajectory
from tests.step_worlds import Judge, Script, token_steps, uneven

SEEDS = range(8)


def world(**changes):
    """Steps of a table whose texts have several steps, and mostly come to an end."""
    return token_steps(max_tokens=100, **changes)


def same(a, b, *parts: str) -> None:
    for part in ("trajectories", "answer", "chosen", "votes", *parts):
        assert getattr(a, part) == getattr(b, part), part


@pytest.mark.parametrize("seed", SEEDS)
def test_beam_with_one_that_is_kept_is_best_of_n_at_depth_one(seed):
    """At depth one, N = M: N solutions are drawn, and the best is chosen."""
    options = Options(seed=seed, max_steps=1, selection="best")
    searched = beam(world(), "", Judge(uneven), num_solutions=6, width=6, options=options)
    sampled = best_of_n(world(), "", Judge(uneven), num_solutions=6, options=options)
    same(searched, sampled, "budget")


@pytest.mark.parametrize("seed", SEEDS)
def test_the_first_choice_of_a_beam_is_that_of_best_of_n(seed):
    """The same on steps: where every solution is one step long, at any depth."""
    steps = Script(lambda s, u: Extension(f"{u:.6f}.", True, 1))
    judged = Judge(lambda text: float(text[:-1]))
    options = Options(seed=seed)
    searched = beam(steps, "", judged, num_solutions=5, width=5, options=options)
    sampled = best_of_n(steps, "", judged, num_solutions=5, options=options)
    assert searched.text == sampled.text
    assert searched.history[0].trajectories == sampled.history[0].trajectories


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("completed", ["leave", "occupy"])
def test_dvts_with_one_tree_is_a_beam_that_keeps_one(seed, completed):
    options = Options(seed=seed)
    how = {"num_solutions": 4, "width": 4, "completed": completed, "options": options}
    tree = dvts(world(), "", Judge(uneven), **how)
    kept_one = beam(world(), "", Judge(uneven), distinct=False, **how)
    same(tree, kept_one, "budget", "history")


@pytest.mark.parametrize("seed", SEEDS)
def test_looking_ahead_by_nothing_is_beam(seed):
    how = {"num_solutions": 6, "width": 3, "options": Options(seed=seed)}
    ahead = lookahead(world(), "", Judge(uneven), steps=0, **how)
    same(ahead, beam(world(), "", Judge(uneven), **how), "budget", "history")


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("target", ["multiplicative", "telescoping"])
@pytest.mark.parametrize("reward", [0.3, 1.0])
def test_particle_filtering_with_a_constant_reward_is_plain_sampling(seed, target, reward):
    options = Options(seed=seed, answer=lambda text: text)
    filtered = particle_filter(
        world(), "", Judge(lambda _: reward), num_solutions=6, target=target, options=options
    )
    sampled = majority_vote(world(), "", num_solutions=6, options=options)
    assert filtered.solutions == sampled.solutions
    assert filtered.finished == sampled.finished
    assert filtered.budget.model_tokens == sampled.budget.model_tokens
    assert all(not r.chosen for r in filtered.history)


@pytest.mark.parametrize("seed", SEEDS)
def test_particle_gibbs_of_one_sweep_is_particle_filtering(seed):
    how = {"num_solutions": 5, "options": Options(seed=seed)}
    once = particle_gibbs(world(), "", Judge(uneven), sweeps=1, **how)
    same(once, particle_filter(world(), "", Judge(uneven), **how), "budget", "history")


@pytest.mark.parametrize("name", ["majority_vote", "best_of_n", "weighted_best_of_n"])
def test_more_samples_begin_with_the_fewer(name):
    few = STRATEGIES[name](world(), "", Judge(uneven), num_solutions=3)
    more = STRATEGIES[name](world(), "", Judge(uneven), num_solutions=7)
    assert more.solutions[:3] == few.solutions


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_the_same_seed_gives_the_same_result(name):
    def run(seed: int):
        options = Options(seed=seed, temperature=0.9)
        return STRATEGIES[name](world(), "", Judge(uneven), num_solutions=8, options=options)

    assert run(3) == run(3)
    assert run(3).solutions != run(4).solutions


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_every_result_says_what_it_cost(name):
    drawn, judged = world(), Judge(uneven)
    result = STRATEGIES[name](drawn, "", judged, num_solutions=4)
    budget = result.budget
    assert budget.model_passes == drawn.passes > 0
    assert (budget.reward_passes, budget.reward_tokens) == (judged.passes, judged.tokens)
    assert budget.model_tokens >= max(c.num_tokens for c in result.trajectories)
    assert (budget.reward_passes > 0) is (name != "majority_vote")
    assert result.history[-1].budget == budget
    again = STRATEGIES[name](drawn, "", judged, num_solutions=4)
    assert again.budget.model_tokens == budget.model_tokens  # what came before is not counted


def tree_of(depth: int):
    """Steps named by which draw they are; a text ends at a depth."""

    def reply(solution, uniform):
        return Extension(f"{int(uniform * 1e6):06d} ", len(solution) + 1 == depth, 1)

    return Script(reply)


def by_sum(text: str) -> float:
    return sum(map(int, text.split())) / 1e7


def test_a_beam_keeps_the_best_of_every_round():
    model = tree_of(3)
    result = beam(model, "", Judge(by_sum), num_solutions=6, width=3)
    for now, asked in zip(result.history, model.calls[1:], strict=False):
        ranked = sorted((c.value for c in now.trajectories), reverse=True)
        assert sorted({now.trajectories[i].value for i in now.chosen}, reverse=True) == ranked[:2]
        kept = {now.trajectories[i].solution for i in now.chosen}
        assert {s: asked.count(s) for s in asked} == {s: 3 for s in kept}
    assert len(result.history) == 3
    assert result.budget == Budget(18, 18, 18, sum(7 * 6 * k for k in (1, 2, 3)))


def test_dvts_keeps_the_best_of_every_tree():
    model = tree_of(2)
    result = dvts(model, "", Judge(by_sum), num_solutions=6, width=3)
    first, asked = result.history[0].trajectories, model.calls[1]
    best = [max(first[t : t + 3], key=lambda c: c.value).solution for t in (0, 3)]
    assert asked == (best[0],) * 3 + (best[1],) * 3
    assert len(result.trajectories) == 6


def test_lookahead_goes_by_what_a_step_leads_to():
    """A step that looks good leads nowhere; the other is better two steps later."""

    def reply(solution, uniform):
        if not solution:
            return Extension("trap " if uniform < 0.5 else "plain ", False, 1)
        last = solution[0] == "plain " and len(solution) == 2
        return Extension("good " if last else "dull ", len(solution) == 2, 1)

    def value(text: str) -> float:
        return 0.9 if "good" in text else 0.6 if text == "trap " else 0.3

    how = {"num_solutions": 8, "width": 8}
    blind = beam(Script(reply), "", Judge(value), **how)
    seeing = lookahead(Script(reply), "", Judge(value), steps=2, **how)
    assert blind.text == "trap dull dull "
    assert seeing.text == "plain dull good "
    # Eight steps in each of three rounds, and rollouts of two steps, then one, then none.
    assert blind.budget.model_tokens == 24
    assert seeing.budget.model_tokens == 24 + 16 + 8


def test_finished_solutions_leave_a_beam_without_shrinking_it():
    def reply(solution, uniform):
        return Extension(f"{uniform:.4f} ", uniform < 0.4 or len(solution) == 3, 1)

    model = Script(reply)
    judged = Judge(lambda text: float(text.split()[-1]))
    result = beam(model, "", judged, num_solutions=4, width=2, options=Options(seed=1))
    assert {len(call) for call in model.calls} == {4}
    assert len(result.trajectories) == 4
    assert all(result.finished)
    best = beam(
        Script(reply), "", judged, num_solutions=4, width=2, kept="best", options=Options(seed=1)
    )
    done = [c for r in result.history for c in r.trajectories if c.finished]
    assert len(done) > 4
    assert result.trajectories == tuple(done[:4])
    assert best.trajectories == tuple(sorted(done, key=lambda c: -c.value)[:4])


def test_equal_candidates_count_once_in_a_beam():
    model = Script(lambda s, u: Extension("x " if u < 0.9 else "y ", len(s) == 1, 1))
    judged = Judge(lambda text: 0.9 if text.endswith("x ") else 0.1)
    options = Options(seed=5)
    how = {"num_solutions": 20, "width": 10, "options": options}
    beam(model, "", judged, **how)
    assert set(model.calls[1]) == {("x ",), ("y ",)}
    model.calls.clear()
    beam(model, "", judged, distinct=False, **how)
    assert set(model.calls[1]) == {("x ",)}


def test_aggregates():
    scores = (0.5, 0.2, 0.8)
    assert aggregate(scores, "last") == 0.8
    assert aggregate(scores, "min") == 0.2
    assert aggregate(scores, "mean") == pytest.approx(0.5)
    assert aggregate(scores, "product") == pytest.approx(0.08)
    judged = Judge(lambda text: len(text) / 10)
    by_solution = judge(judged, "", [("ab", "c"), ("ab", "c"), ()], "whole")
    assert by_solution == [(0.3,), (0.3,), ()]
    assert judged.asked == [("abc",)]  # as one step, and once


def judged_text(text: str, value: float, finished: bool = True) -> Trajectory:
    return Trajectory((text,), (value,), value, finished)


def test_selections_differ_where_they_should():
    trajectories = [
        judged_text("a1", 0.3), judged_text("a2", 0.2), judged_text("a3", 0.1),
        judged_text("b1", 0.5), judged_text("b2", 0.3), judged_text("c1", 0.7),
        judged_text("d", 0.99, finished=False), judged_text("?", 0.98),
    ]  # fmt: skip

    def answer(text: str) -> str | None:
        return None if text == "?" else text[0]

    assert select(trajectories, answer, "best")[:2] == ("c", 5)
    assert select(trajectories, answer, "weighted")[:2] == ("b", 3)
    assert select(trajectories, answer, "majority")[:2] == ("a", 0)
    assert list(select(trajectories, answer, "weighted")[2]) == ["b", "c", "a"]
    assert select([judged_text("x", 0.5, finished=False)], answer, "best") == (None, None, {})


def test_ties_go_to_the_first():
    assert select([judged_text("x", 0.5), judged_text("y", 0.5)], None, "weighted")[0] == "x"
    assert select([judged_text("x", 0.5), judged_text("y", 0.5)], None, "majority")[0] == "x"


@pytest.mark.parametrize("name", [n for n in sorted(STRATEGIES) if n != "majority_vote"])
@pytest.mark.parametrize(
    "scores",
    [lambda s: [], lambda s: [(0.5,)] * (len(s) + 1), lambda s: [(1.5,) * len(x) for x in s],
     lambda s: [(math.nan,) * len(x) for x in s]],
    ids=["none", "too many", "above 1", "NaN"],
)  # fmt: skip
def test_scores_that_are_none_are_an_error_that_says_so(name, scores):
    class Wrong(Judge):
        def scores(self, prompt, solutions):
            return scores(solutions)

    with pytest.raises(PotentialError, match="scorer Wrong"):
        STRATEGIES[name](world(), "", Wrong(uneven), num_solutions=4)


@pytest.mark.parametrize("name", [n for n in sorted(STRATEGIES) if "n" not in n and "v" not in n])
def test_a_search_without_a_judge_is_an_error_that_says_so(name):
    with pytest.raises(SettingsError, match="scorer"):
        STRATEGIES[name](world(), "", None, num_solutions=4)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_nothing_at_all_is_an_error(name):
    model = Script(lambda s, u: Extension("", False, 0, error=EndpointError("it is down")))
    with pytest.raises(EndpointError, match="it is down"):
        STRATEGIES[name](model, "", Judge(uneven), num_solutions=4)


@pytest.mark.parametrize("name", sorted(STRATEGIES))
def test_what_is_finished_is_kept_when_the_rest_fails(name):
    def reply(solution, uniform):
        if len(solution) == 1 and uniform < 0.7:
            return Extension("", False, 0, error=EndpointError("it is down"))
        return Extension(f"{uniform:.3f} ", len(solution) == 1, 1)

    result = STRATEGIES[name](Script(reply), "", Judge(lambda t: 0.5), num_solutions=12)
    assert any(result.finished)
    assert result.answer is not None
    assert result.errors == ("it is down",)


def test_a_rollout_that_fails_is_told():
    """It is dropped, like any rollout; what went wrong with it is not."""

    def reply(solution, uniform):
        if uniform == 0.5:  # greedy
            return Extension("", False, 0, error=EndpointError("it is down"))
        return Extension(f"{uniform:.3f} ", len(solution) == 1, 1)

    result = lookahead(Script(reply), "", Judge(lambda t: 0.5), num_solutions=4, steps=1)
    assert all(result.finished)
    assert result.errors == ("it is down",)


def test_a_model_that_never_ends_is_cut():
    model = Script(lambda s, u: Extension("on ", False, 1))
    for name in sorted(STRATEGIES):
        result = STRATEGIES[name](model, "", Judge(lambda t: 0.5), num_solutions=4)
        assert result.answer is None
        assert all(c.truncated for c in result.trajectories)


@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        (beam, {"num_solutions": 6, "width": 4}),
        (dvts, {"num_solutions": 2, "width": 4}),
        (beam, {"kept": "last"}),
        (beam, {"completed": "stay"}),
        (lookahead, {"steps": -1}),
        (particle_filter, {"target": "puri"}),
        (particle_filter, {"resampling": "fair"}),
        (particle_filter, {"weight_temperature": 0.0}),
        (particle_filter, {"ess_threshold": 2.0}),
        (particle_gibbs, {"num_solutions": 1}),
        (particle_gibbs, {"sweeps": 0}),
        (weighted_best_of_n, {"num_solutions": 0}),
        (weighted_best_of_n, {"num_solutions": True}),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_bad_settings_are_refused(strategy, changes):
    with pytest.raises(SettingsError):
        strategy(world(), "", Judge(uneven), **changes)


@pytest.mark.parametrize(
    "changes",
    [{"aggregate": "max"}, {"selection": "vote"}, {"max_steps": 0}, {"max_step_tokens": 0}],
    ids=str,
)
def test_bad_options_are_refused(changes):
    with pytest.raises(SettingsError):
        Options(**changes)


def test_a_seed_may_be_a_generator():
    rng = np.random.default_rng(1)
    first, second = (
        majority_vote(world(), "", num_solutions=4, options=Options(seed=rng)) for _ in range(2)
    )
    assert first.solutions != second.solutions
