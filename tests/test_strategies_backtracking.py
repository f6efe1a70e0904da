"""Self-backtracking on scripted models: where it goes back to, what it keeps, what it answers."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from smc.backends.table import TableModel
from smc.errors import SettingsError
from smc.steps import Extension, TokenText
from smc.steps.token_steps import TokenSteps
from smc.strategies import Options, backtracking, majority_vote
from smc.strategies.backtracking import mean_log_prob, without_last_line
from smc.strategies.solve import MarkBoundary, plan_of, solve
from tests.step_worlds import Judge, Script

MARK, GOAL = "<backtrack>", "Goal Reached!"


def said(text: str, *log_probs: float) -> TokenText:
    """A step whose characters are its tokens; one log probability, or one each."""
    own = log_probs * len(text) if len(log_probs) == 1 else log_probs
    return TokenText.of(text, tuple(map(ord, text)), tuple(text), own)


def line(text: str, log_prob: float = -0.1, finished: bool = False) -> Extension:
    return Extension(said(text, log_prob), finished, len(text))


def end(text: str, log_prob: float = -0.1) -> Extension:
    return line(text, log_prob, finished=True)


def starts_of(model: Script) -> list[tuple[str, ...]]:
    """What the calls of a script went on from."""
    return [tuple("".join(s) for s in call) for call in model.calls]


def trap(solution, uniform):
    """The likeliest second line is wrong, and the model says so; the first line is right."""
    text = "".join(solution)
    if text == "":
        return line("1+2=3\n")
    if text == "1+2=3\n":
        return line("3+9=12\n", -0.1) if uniform < 0.97 else line("3*4=12\n", -3.0)
    return end(MARK) if text.endswith("3+9=12\n") else end(GOAL)


def test_one_step_back_finds_what_greedy_decoding_misses():
    greedy = majority_vote(Script(trap), "", num_solutions=1, options=Options(temperature=0))
    assert greedy.text == "1+2=3\n3+9=12\n" + MARK
    options = Options(seed=3)
    once = backtracking(Script(trap), "", num_solutions=16, rounds=1, options=options)
    again = backtracking(Script(trap), "", num_solutions=16, rounds=4, options=options)
    assert once.answer is None and once.chosen is None  # none of sixteen, with this seed
    assert again.answer == again.text == "1+2=3\n3*4=12\n" + GOAL


def test_it_goes_on_from_the_text_without_its_last_line():
    model = Script(trap)
    backtracking(model, "", num_solutions=4, rounds=2, options=Options(seed=3))
    # From the prompt, two lines and an end; then from the first line, which all were taken back to.
    assert starts_of(model)[0] == ("",) * 4
    assert starts_of(model)[3] == ("1+2=3\n",) * 4


@pytest.mark.parametrize("rounds", [2, 3, 9])
def test_a_state_is_gone_back_to_once(rounds):
    """All roads lead to the mark behind the second line: there is one state, for one round."""
    model = Script(lambda s, u: line("a\n") if len(s) < 2 else end(MARK))
    result = backtracking(model, "", num_solutions=4, rounds=rounds)
    assert [call for call in starts_of(model) if call[0] in ("", "a\n")] == [
        ("",) * 4, ("a\n",) * 4, ("a\n",) * 4,
    ]  # fmt: skip
    assert len(result.history) == 2 and [r.chosen for r in result.history] == [(0,), ()]
    assert result.answer is None and {t.text for t in result.trajectories} == {"a\na\n" + MARK}


def test_a_mark_behind_the_first_line_leads_to_the_prompt():
    """And so does one behind nothing at all; once, since that is a state like others."""
    for first in ("1+1=2\n", ""):
        model = Script(lambda s, u, first=first: end(MARK) if s or not first else line(first))
        result = backtracking(model, "", num_solutions=4, rounds=5)
        assert {text for call in starts_of(model) for text in call} == {"", first}
        assert len(result.history) == 2


def distinct_states(solution, uniform):
    """Every draw has a line of its own, and after the second says that it was wrong."""
    return line(f"{int(uniform * 1e9)}\n") if len(solution) < 2 else end(MARK)


@pytest.mark.parametrize(
    ("k", "forward", "wide"),
    [(4, None, 2), (8, None, 2), (9, None, 3), (16, None, 4), (3, None, 1), (9, 5, 5)],
)
def test_at_most_the_root_of_k_states_go_on_in_the_order_they_were_found(k, forward, wide):
    model = Script(distinct_states)
    result = backtracking(model, "", num_solutions=k, rounds=2, forward=forward)
    first = [t.solution[0] for t in result.history[0].trajectories]
    assert len(set(first)) == k
    assert starts_of(model)[3] == tuple(text for text in first[:wide] for _ in range(k))
    assert result.history[0].chosen == tuple(range(wide))
    assert len(result.history[1].trajectories) == wide * k


def test_a_state_that_found_no_place_may_be_found_again():
    """Two states for one place; what is gone back to later is the prompt, and then the other."""
    told = iter(
        [
            *(line("a\n"), line("b\n"), line("x\n"), line("y\n"), end(MARK), end(MARK)),
            *(end(MARK), end(MARK)),  # a has the place, and behind it is the prompt
            *(line("b\n"), line("a\n"), line("x\n"), line("y\n"), end(MARK), end(MARK)),
            *(end(GOAL), end(GOAL)),
        ]
    )
    model = Script(lambda s, u: next(told))
    result = backtracking(model, "", num_solutions=2, rounds=4, forward=1)
    assert [call[0] for call in starts_of(model) if len(set(call)) == 1] == ["", "a\n", "", "b\n"]
    assert [r.chosen for r in result.history] == [(0,), (0,), (0,), ()]
    assert result.answer == "b\n" + GOAL


@pytest.mark.parametrize("seed", range(4))
def test_one_round_never_goes_back(seed):
    model = Script(distinct_states)
    result = backtracking(model, "", num_solutions=9, rounds=1, options=Options(seed=seed))
    assert len(result.history) == 1 and len(result.history[0].trajectories) == 9
    assert len(model.calls) == 3 and {len(call) for call in model.calls} == {9}


def test_more_rounds_begin_with_the_fewer():
    def reply(solution, uniform):
        return end(MARK) if solution and uniform < 0.4 else line(f"{int(uniform * 1e9)}\n")

    runs = [
        backtracking(Script(reply), "", num_solutions=6, rounds=b, options=Options(seed=2))
        for b in (1, 2, 4)
    ]
    for fewer, more in pairwise(runs):
        same = [r.trajectories for r in fewer.history]
        assert [r.trajectories for r in more.history][: len(same)] == same
        assert len(more.history) > len(same)


def goals(*answers: tuple[str, float]):
    """Each draw, in turn, is one of some texts with a log probability for every token."""
    turn = iter(answers)

    def reply(solution, uniform):
        text, log_prob = next(turn)
        return end(text + GOAL, log_prob)

    return Script(reply)


def test_duplicates_are_merged_by_maximum_by_sum_or_counted():
    drawn = (
        ("a\n", -0.3),
        ("b\n", -0.4),
        ("a\n", -0.3),
        ("c\n", -0.6),
        ("b\n", -0.1),
        ("a\n", -0.2),
    )

    def run(selection):
        options = Options(selection=selection, answer=lambda text: text[0])
        return backtracking(goals(*drawn), "", num_solutions=6, rounds=1, options=options)

    best, summed, counted = run(None), run("weighted"), run("majority")
    assert best == run("best")
    assert best.answer == "b" and best.votes == pytest.approx({"b": -0.1, "a": -0.2, "c": -0.6})
    # Sums of negative scores: twice found is half as good. That is the released code's.
    assert summed.answer == "b" and summed.votes == pytest.approx({"b": -0.5, "c": -0.6, "a": -0.8})
    assert counted.answer == "a" and counted.votes == {"a": 3, "b": 2, "c": 1}
    assert best.trajectories[best.chosen].value == pytest.approx(-0.1)


def test_by_sum_what_is_found_often_loses_to_what_is_found_once():
    drawn = (("a\n", -0.2), ("a\n", -0.2), ("b\n", -0.3))
    for selection, winner in (("best", "a\n"), ("weighted", "b\n")):
        options = Options(selection=selection)
        result = backtracking(goals(*drawn), "", num_solutions=3, rounds=1, options=options)
        assert result.answer == winner + GOAL


def wrong_equation(solution, uniform):
    """The likelier way to the goal has a wrong equation in it."""
    if not solution:
        return line("2+2=5\n", -0.1) if uniform < 0.7 else line("2+3=5\n", -0.5)
    return end(GOAL)


def test_a_wrong_equation_loses_only_if_a_checker_is_given():
    how = {"num_solutions": 12, "rounds": 1}
    alone = backtracking(Script(wrong_equation), "", **how)
    checker = Judge(lambda text: float("2+2=5" not in text))
    checked = backtracking(Script(wrong_equation), "", checker, **how)
    assert {t.text for t in alone.trajectories} == {"2+2=5\n" + GOAL, "2+3=5\n" + GOAL}
    assert alone.answer == "2+2=5\n" + GOAL
    assert checked.answer == "2+3=5\n" + GOAL
    assert checked.budget.reward_passes > 0 == alone.budget.reward_passes


def test_unfinished_texts_are_no_candidates_and_no_states():
    def reply(solution, uniform):
        if not solution:
            return line(f"{uniform:.3f}\n")
        if uniform < 0.5:
            return Extension(said("cut", -0.1), False, 3, truncated=True)
        return end(GOAL) if uniform > 0.8 else end(MARK)

    result = backtracking(Script(reply), "", num_solutions=24, rounds=1, options=Options(seed=1))
    texts = [t.text for t in result.history[0].trajectories]
    assert any(t.endswith("cut") for t in texts) and any(t.endswith(MARK) for t in texts)
    assert result.trajectories and all(t.text.endswith(GOAL) for t in result.trajectories)
    cut = Script(lambda s, u: Extension(said("x\n", -0.1), False, 2, truncated=True))
    nothing = backtracking(cut, "", num_solutions=4, rounds=3)
    assert nothing.answer is None and len(nothing.history) == 1


def test_a_text_is_cut_behind_the_mark_and_the_goal():
    """A model that writes on, and steps that are whole texts: the lines are found all the same."""
    right = "1\n3\n" + GOAL
    texts = iter(["1\n2\n" + MARK + "\nmore\n", "1\n2\n" + MARK, right + " and more", right])

    def reply(solution, uniform):
        text = next(texts)[len("".join(solution)) :]
        return line(text, -0.25)

    model = Script(reply)
    result = backtracking(model, "", num_solutions=2, rounds=2, forward=1)
    assert starts_of(model)[1] == ("1\n", "1\n")
    assert [t.text for t in result.history[0].trajectories] == ["1\n2\n" + MARK] * 2
    assert [t.text for t in result.trajectories] == [right] * 2 and result.answer == right


def test_a_text_that_ends_without_the_goal_counts_where_none_has_it():
    other = Script(lambda s, u: end("x", -0.1))
    assert backtracking(other, "", num_solutions=4).answer == "x"
    assert backtracking(other, "", num_solutions=4, goal=None).answer == "x"
    some = Script(lambda s, u: end("x", -0.1) if u < 0.7 else end("y" + GOAL, -2.0))
    assert backtracking(some, "", num_solutions=8).answer == "y" + GOAL


def test_without_log_probabilities_it_counts_and_says_so():
    model = Script(lambda s, u: Extension(("a" if u < 0.7 else "b") + GOAL, True, 2))
    result = backtracking(model, "", num_solutions=40, rounds=1, options=Options(seed=1))
    assert result.answer == "a" + GOAL and "no log probabilities" in result.notes[0]
    assert result.votes["a" + GOAL] + result.votes["b" + GOAL] == 40


# ---- on a model with probabilities


def table() -> TableModel:
    return TableModel.constant({"a\n": 0.5, MARK: 0.2, GOAL: 0.1}, eos=0.2)


def model_ends(step) -> bool:
    return len(step.tokens) > len(step.pieces)


@pytest.mark.parametrize("temperature", [None, 0.7])
def test_scores_are_mean_log_probabilities_of_the_model(temperature):
    """Of the whole text, states included, and at temperature 1, however it was drawn."""
    logs = {"a\n": math.log(0.5), MARK: math.log(0.2), GOAL: math.log(0.1)}
    model = TokenSteps(table(), MarkBoundary("\n"), max_tokens=20)
    options = Options(seed=1, temperature=temperature)
    result = backtracking(model, "", num_solutions=16, rounds=3, options=options)
    assert len(result.history) > 1 and result.trajectories
    for trajectory in result.trajectories:
        drawn = [logs["a\n"]] * trajectory.text.count("a\n") + [logs[GOAL]]
        if model_ends(trajectory.solution[-1]):  # what else came behind the goal does not count
            drawn.append(math.log(0.2))
        assert trajectory.text.endswith(GOAL)
        assert trajectory.value == pytest.approx(sum(drawn) / len(drawn), abs=1e-6)


def test_passes_do_not_pay_for_a_state_again():
    """The rows of the lines that are gone back to are held; only new tokens are run."""
    model = TokenSteps(table(), MarkBoundary("\n"), max_tokens=20)
    result = backtracking(model, "", num_solutions=16, rounds=3, options=Options(seed=1))
    assert result.budget.model_passes == model.passes <= result.budget.model_tokens


def test_taking_back_keeps_tokens_and_their_log_probabilities():
    one, two = said("1\n", -0.1), said("2\n", -0.2)
    mark = said(MARK, -0.3)
    assert without_last_line((one, two, mark), MARK) == (one,)
    assert without_last_line((one, mark), MARK) == without_last_line((mark,), MARK) == ()
    whole = said("1\n2\n3\n" + MARK, -0.5)
    (kept,) = without_last_line((whole,), MARK)
    assert kept == "1\n2\n" and kept.log_probs == (-0.5,) * 4
    assert without_last_line((one, said("2\n\n" + MARK, -0.1)), MARK) == (one,)
    assert mean_log_prob((one, two)) == pytest.approx(-0.15)
    assert math.isnan(mean_log_prob(("text",)))


# ---- as one of the strategies


@pytest.mark.parametrize(
    ("budget", "own", "k"),
    [(1, {}, 1), (2, {}, 1), (16, {}, 5), (80, {}, 16), (16, {"rounds": 1}, 16),
     (144, {"rounds": 3}, 16), (12, {"forward": 2}, 4)],
    ids=["1", "2", "16", "80", "one round", "three rounds", "forward"],
)  # fmt: skip
def test_the_budget_bounds_what_is_drawn(budget, own, k):
    plan = plan_of("backtracking", budget, own)
    assert plan.num_solutions == k
    result = solve(
        Script(distinct_states), "", strategy="backtracking", budget=budget, settings=own
    )
    assert sum(len(r.trajectories) for r in result.history) <= max(budget, 2)


@pytest.mark.parametrize(
    "changes",
    [{"num_solutions": 0}, {"rounds": 0}, {"forward": 0}, {"mark": ""}, {"goal": ""}],
    ids=["k", "rounds", "forward", "mark", "goal"],
)
def test_values_outside_their_range_are_refused(changes):
    with pytest.raises(SettingsError, match=r"num_solutions|rounds|forward|mark"):
        backtracking(Script(distinct_states), "", **changes)
