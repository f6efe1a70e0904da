"""Solving by name: what is wrapped, what follows from the budget, and a model as its own judge."""

from __future__ import annotations

import pytest

from smc.errors import EndpointError, SettingsError
from smc.steps.token_steps import TokenSteps
from smc.strategies import STRATEGIES, Options, beam, best_of_n, majority_vote
from smc.strategies.llm_judge import LLMJudge, rating_of_ten
from smc.strategies.solve import MarkBoundary, solve
from tests.step_worlds import MARK, MODEL, Judge, token_steps, uneven
from tests.writers import ScriptedWriter, in_turn


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@pytest.mark.parametrize("budget", [1, 6, 16])
def test_every_strategy_solves_with_a_language_model(name, budget):
    if name == "particle_gibbs" and budget == 1:
        pytest.skip("one particle would only repeat the path it keeps")
    result = solve(
        MODEL, "", reward=Judge(uneven), strategy=name, budget=budget, mark=".", max_tokens=30
    )
    assert result.answer is not None and result.budget.model_tokens > 0


def test_it_is_the_strategy_on_the_wrapped_model():
    judge = Judge(uneven)
    result = solve(MODEL, "", reward=judge, strategy="beam", budget=6, mark=".", max_tokens=30)
    steps = TokenSteps(MODEL, MARK, max_tokens=30)
    assert result == beam(steps, "", Judge(uneven), num_solutions=6, width=3)
    default = solve(token_steps(max_tokens=30), "", reward=judge, budget=5, seed=4, temperature=0.7)
    options = Options(seed=4, temperature=0.7)
    assert default == best_of_n(
        token_steps(max_tokens=30), "", Judge(uneven), num_solutions=5, options=options
    )


def test_without_a_reward_it_is_a_vote_that_stops():
    result = solve(MODEL, "", budget=40, answer=lambda text: "same", mark=".", max_tokens=30)
    expected = majority_vote(
        TokenSteps(MODEL, MARK, max_tokens=30), "", num_solutions=40, decided=0.95,
        options=Options(answer=lambda text: "same"),
    )  # fmt: skip
    assert result.answer == "same" and len(result.trajectories) < 20
    assert result.trajectories == expected.trajectories


def test_settings_come_before_what_follows_from_the_budget():
    result = solve(
        token_steps(max_tokens=30), "", reward=Judge(uneven), strategy="beam", budget=6,
        settings={"width": 6},
    )  # fmt: skip
    assert len(result.history[0].chosen) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strategy": "guess"}, "no strategy 'guess'"),
        ({"strategy": "beam"}, "reward: beam"),
        ({"budget": 0}, "budget"),
        ({"mark": ""}, "mark"),
        ({"model": "some/path"}, "language model, such as smc.load"),
        ({"model": None}, "language model"),
    ],
    ids=str,
)
def test_bad_arguments_are_refused(changes, message):
    arguments = {"model": MODEL, "question": ""} | changes
    with pytest.raises(SettingsError, match=message):
        solve(arguments.pop("model"), arguments.pop("question"), **arguments)


@pytest.mark.parametrize("mark", [".", "ab", "\n\n", "aab"])
def test_a_mark_is_found_however_the_text_is_cut(mark):
    text = "a\n\nb.aab\n\n\naaab..ab"
    expected = [i for i in range(len(text) + 1) if text[:i].endswith(mark)]
    boundary, state, ends = MarkBoundary(mark), "", []
    for i, character in enumerate(text, 1):
        state, at = boundary.advance(state, character)
        ends += [i] if at else []
        assert len(state) < max(2, len(mark))
    # Marks do not overlap: what ended one step begins none.
    overlapping = {i for i in expected if any(0 < i - e < len(mark) for e in ends)}
    assert ends == [i for i in expected if i not in overlapping]
    assert boundary.advance("", text)[1] is (mark in text)


# ---- a model as a judge


def rate(prompt: str, uniform: float) -> str:
    solution = prompt.split("unfinished:\n", 1)[1].split("\n\n")[0]
    return f"{len(solution)}"


def test_each_beginning_is_rated_once():
    writer = ScriptedWriter(rate)
    judge = LLMJudge(writer)
    assert judge.scores("Q", [("ab", "c"), ("ab", "de"), ()]) == [(0.2, 0.3), (0.2, 0.4), ()]
    assert len(writer.prompts) == 3 and all("Question:\nQ" in p for p in writer.prompts)
    assert judge.scores("Q", [("ab", "c", "d")]) == [(0.2, 0.3, 0.4)]
    assert writer.sizes == [3, 1]
    judge.scores("R", [("ab",)])
    assert "Question:\nR" in writer.prompts[-1]
    assert judge.tokens == len(writer.prompts) and judge.passes == 2 * len(writer.prompts)


def test_votes_are_averaged_and_unreadable_ones_left_out():
    judge = LLMJudge(in_turn("4", "none", "8 of 10"), votes=3)
    assert judge.scores("Q", [("x",)]) == [(pytest.approx(0.6),)]
    assert judge.unreadable == 1
    judge = LLMJudge(in_turn("?"), unread=0.25)
    assert judge.scores("Q", [("x",)]) == [(0.25,)]


def test_a_rating_that_failed_is_asked_for_again():
    judge = LLMJudge(in_turn(EndpointError("it is down"), "5", "9"))
    assert judge.scores("Q", [("x",), ("y",)]) == [(0.0,), (0.5,)]
    assert judge.scores("Q", [("x",), ("y",)]) == [(0.9,), (0.5,)]
    with pytest.raises(EndpointError, match="it is down"):
        LLMJudge(in_turn(EndpointError("it is down"))).scores("Q", [("x",)])


def test_a_rating_does_not_depend_on_what_else_is_asked():
    writer = ScriptedWriter(lambda prompt, uniform: str(int(uniform * 10)))
    together = LLMJudge(writer, seed=3).scores("Q", [("a",), ("b",), ("c",)])
    assert LLMJudge(writer, seed=3).scores("Q", [("c",), ("a",)]) == [together[2], together[0]]
    texts = [(str(i),) for i in range(40)]
    assert LLMJudge(writer, seed=3).scores("Q", texts) != LLMJudge(writer, seed=4).scores(
        "Q", texts
    )


@pytest.mark.parametrize(
    ("text", "score"),
    [("10", 1.0), ("0", 0.0), ("7.5/10", 0.75), ("rating: 3", 0.3), ("100", None), ("12", None),
     ("10.5", 1.0), ("", None), ("-3", 0.3), ("2024 was 4", 0.4)],
)  # fmt: skip
def test_ratings_are_read(text, score):
    assert rating_of_ten(text) == score


def test_a_model_may_judge_itself():
    """A writer that drafts letters, and rates the letter c best."""

    def reply(prompt: str, uniform: float) -> str:
        if "whole number from 0" in prompt:
            solution = prompt.split("unfinished:\n", 1)[1]
            return "9" if solution.startswith("c") else "2"
        return "abc"[int(uniform * 3)]

    result = solve(ScriptedWriter(reply), "Q", reward="self", strategy="tpo", budget=8,
                   settings={"rounds": 0})  # fmt: skip
    assert result.answer == "c" and result.budget.reward_passes > 0
    chat = [{"role": "user", "content": "Q"}]
    judge = LLMJudge(ScriptedWriter(lambda p, u: "5"))
    assert judge.scores(chat, [("x",)]) == [(0.5,)]
