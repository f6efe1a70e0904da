"""Trials with feedback: when they stop, what is counted, what is learnt from, what is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

import smc
from smc.errors import EndpointError, SettingsError
from smc.strategies import Options, best_of_n
from smc.strategies.adaptable import Adapted, as_adaptable
from smc.strategies.feedback_trials import FeedbackPrompts, feedback_trials
from smc.strategies.solve import solve
from smc.strategies.writing import TokenWriter, WrittenText
from tests.step_worlds import MODEL, Judge, token_steps, uneven
from tests.writers import Reply, ScriptedWriter, in_turn

CUT = WrittenText("no end", False, 6, truncated=True)
right = Judge(lambda text: float(text == "right"))


@dataclass
class Pupil:
    """An adaptable model that says what it is told, and remembers what it is taught."""

    reply: Callable[[int, bool], Reply]
    passes: int = 0
    lessons: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)
    resets: int = 0

    def attempt(self, prompt, *, rng, temperature=None, max_tokens=None, adapted=True):
        self.prompts.append(prompt)
        self.passes += 1
        reply = self.reply(len(self.lessons), adapted)
        if isinstance(reply, WrittenText):
            return reply
        assert isinstance(reply, str)
        return WrittenText(reply, True, len(reply))

    def learn(self, prompt, attempt, feedback):
        self.lessons.append((attempt, tuple(feedback)))
        self.passes += 1
        return 10

    def reset(self):
        self.resets += 1


def fresh() -> Judge:
    return Judge(lambda text: float(text == "right"))


def test_it_stops_at_the_first_right_answer():
    judge = fresh()
    writer = in_turn("wrong", "worse", "right")  # a fourth draw would raise StopIteration
    result = feedback_trials(writer, "Q", judge, num_solutions=32)
    assert [t.text for t in result.trajectories] == ["wrong", "worse", "right"]
    assert result.answer == "right" and result.chosen == 2
    assert result.budget.model_tokens == len("wrongworseright")


def test_it_learns_from_every_wrong_attempt_but_the_last():
    """What is learnt after the last trial could serve none."""
    pupil = Pupil(lambda lessons, adapted: "right" if lessons == 3 else f"wrong {lessons}")
    result = feedback_trials(pupil, "Q", fresh(), num_solutions=4)
    said = (FeedbackPrompts().wrong,)
    assert pupil.lessons == [(f"wrong {k}", said) for k in range(3)]
    assert result.answer == "right" and result.budget.model_passes == 7
    assert result.notes == ("feedback_trials: learning read 30 tokens in 3 steps.",)
    never = Pupil(lambda lessons, adapted: "wrong")
    feedback_trials(never, "Q", fresh(), num_solutions=4)
    assert len(never.prompts) == 4 and len(never.lessons) == 3


def test_attempts_without_an_end_are_not_counted_and_teach_nothing():
    judge = fresh()
    replies = iter([CUT, "wrong", CUT, CUT, "wrong", "right"])
    pupil = Pupil(lambda lessons, adapted: next(replies))
    result = feedback_trials(pupil, "Q", judge, num_solutions=3)
    assert result.answer == "right" and len(result.trajectories) == 6
    assert len(pupil.lessons) == 2
    assert judge.asked == [("wrong",), ("wrong",), ("right",)]
    assert result.trajectories[0].truncated and np.isnan(result.trajectories[0].value)


@pytest.mark.parametrize("trials", [1, 2, 8])
def test_attempts_without_an_end_are_bounded(trials):
    pupil = Pupil(lambda lessons, adapted: CUT)
    result = feedback_trials(pupil, "Q", fresh(), num_solutions=trials)
    assert len(result.trajectories) == 2 * trials + 1
    assert result.answer is None and not pupil.lessons


def test_the_verifier_sees_answers_only():
    """Neither feedback nor lists of mistakes, and attempts are of the bare question."""
    judge = fresh()
    pupil = Pupil(lambda lessons, adapted: f"try {lessons}" if adapted else "1. the sum")
    feedback_trials(pupil, "Q", judge, num_solutions=3, mistakes=True)
    assert judge.asked == [("try 0",), ("try 1",), ("try 2",)]
    asked = [p for p in pupil.prompts if p != "Q"]
    assert len(asked) == 2 and all("List briefly" in p for p in asked)
    assert [p for p in pupil.prompts if p == "Q"] == ["Q"] * 3


def test_the_list_of_mistakes_is_of_the_model_as_it_was():
    pupil = Pupil(lambda lessons, adapted: "wrong" if adapted else "mistakes")
    result = feedback_trials(pupil, "Q", fresh(), num_solutions=2, mistakes=True)
    assert pupil.lessons == [("wrong", (FeedbackPrompts().wrong, "mistakes"))]
    assert [c.role for c in result.calls] == ["draft", "mistakes", "draft"]
    assert result.budget.model_tokens == len("wrongmistakeswrong")


def test_a_critic_lists_the_mistakes_in_the_models_place():
    pupil = Pupil(lambda lessons, adapted: "wrong" if adapted else "not asked")
    critic = in_turn("1. the sum")
    result = feedback_trials(pupil, "Q", fresh(), num_solutions=2, mistakes=True, critic=critic)
    assert pupil.lessons == [("wrong", (FeedbackPrompts().wrong, "1. the sum"))]
    assert pupil.prompts == ["Q", "Q"] and "wrong" in critic.prompts[0]
    assert result.budget.model_tokens == len("wrong1. the sumwrong")
    with pytest.raises(SettingsError, match="mistakes=False"):
        feedback_trials(pupil, "Q", fresh(), critic=critic)


def test_it_is_reset_before_and_after_whatever_happens():
    pupil = Pupil(lambda lessons, adapted: "wrong")
    feedback_trials(pupil, "Q", fresh(), num_solutions=2)
    assert pupil.resets == 2

    def fails(text: str) -> float:
        raise RuntimeError("the verifier broke")

    with pytest.raises(RuntimeError, match="broke"):
        feedback_trials(pupil, "Q", Judge(fails), num_solutions=2)
    assert pupil.resets == 4


@pytest.mark.parametrize("seed", range(4))
def test_without_learning_it_is_best_of_n_one_after_the_other(seed):
    options = Options(seed=seed)
    never = Judge(lambda text: 0.5 * uneven(text))
    one_by_one = feedback_trials(token_steps(max_tokens=30), "", never, num_solutions=6,
                                 options=options)  # fmt: skip
    at_once = best_of_n(token_steps(max_tokens=30), "", never, num_solutions=6, options=options)
    finished = [t.text for t in at_once.trajectories if t.finished]
    assert [t.text for t in one_by_one.trajectories if t.finished][: len(finished)] == finished
    assert not one_by_one.notes


def test_it_is_solved_with_by_name():
    result = solve(MODEL, "", reward=Judge(uneven), strategy="feedback_trials", budget=5, mark=".",
                   max_tokens=30)  # fmt: skip
    assert result.trajectories[-1].value > 0.5 or sum(result.finished) == 5


def test_a_transformers_model_learns_unless_it_is_told_not_to():
    model = smc.load("embedded:arithmetic")
    writer = TokenWriter(model, max_tokens=40)
    assert isinstance(as_adaptable(writer), Adapted)
    assert not isinstance(as_adaptable(writer, "none"), Adapted)
    assert not isinstance(as_adaptable(ScriptedWriter(lambda p, u: "x")), Adapted)
    settings = {"learning": "fttt"}
    question, never = "a=7+5;b=a*3;b?\n", Judge(lambda text: 0.0)
    taught, plain = (
        solve(model, question, reward=never, strategy="feedback_trials", budget=2, max_tokens=40,
              settings=s)
        for s in (settings, {"learning": "none"})
    )  # fmt: skip
    assert "learning read" in taught.notes[0] and not plain.notes
    assert taught.trajectories[0] == plain.trajectories[0]
    assert taught.budget.model_passes == taught.budget.model_tokens + 2 + 2


@pytest.mark.parametrize("learning", ["fttt", "lora"])
def test_learning_that_cannot_be_is_refused(learning):
    with pytest.raises(SettingsError, match="learning"):
        feedback_trials(token_steps(), "", fresh(), learning=learning)


def test_a_failure_of_all_attempts_is_raised():
    writer = ScriptedWriter(lambda p, u: EndpointError("it is down"))
    with pytest.raises(EndpointError, match="it is down"):
        feedback_trials(writer, "Q", fresh(), num_solutions=2)
