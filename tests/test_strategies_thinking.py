"""Budget forcing as its paper defines it, and drafts, on scripted models."""

from __future__ import annotations

import pytest

from potentials.boundaries import After
from smc.backends.table import TableModel
from smc.errors import EndpointError, SettingsError
from smc.model import Vocabulary
from smc.steps import Extension
from smc.steps.token_steps import TokenSteps
from smc.strategies import BudgetForcing, Options, budget_forcing, chain_of_draft
from smc.strategies.chain_of_draft import drafted_answer
from tests.step_worlds import Script

TOKENS = ("think ", "</think>", "Wait", "Final Answer:", "yes", "no", "</thi", "nk>")
END = len(TOKENS)
VOCABULARY = Vocabulary((*(t.encode() for t in TOKENS), None), (END,))


def scripted(next_token) -> TokenSteps:
    """A table model that gives what a function of the text so far says, for certain."""

    def probs(prefix: tuple[int, ...]) -> list[float]:
        text = "".join(TOKENS[i] for i in prefix)
        wanted = next_token(text)
        return [
            float(i == (END if wanted is None else TOKENS.index(wanted))) for i in range(END + 1)
        ]

    return TokenSteps(TableModel(VOCABULARY, probs), After(("</think>",)), max_tokens=60)


def thinker(text: str) -> str | None:
    """Thinks two tokens at a time, and answers by how often it was told to wait."""
    thought, _, said = text.partition("</think>")
    if "</think>" in text:
        if said.endswith(("yes", "no")):
            return None
        return "yes" if thought.count("Wait") >= 2 else "no"
    return "</think>" if thought.endswith("think think ") else "think "


@pytest.mark.parametrize("waits", [0, 1, 2, 3])
def test_the_end_of_thinking_is_taken_back_k_times(waits):
    result = budget_forcing(scripted(thinker), "", BudgetForcing(waits=waits))
    answer = "yes" if waits >= 2 else "no"
    assert result.text == "think think " + "Waitthink think " * waits + "</think>" + answer
    assert result.finished == (True,)
    # What is put in is not generated; a mark that was taken back is.
    assert result.budget.model_tokens == 3 * (waits + 1) + 2


def test_nothing_is_taken_back_once_the_least_is_thought():
    how = BudgetForcing(waits=9, min_thinking_tokens=6)
    result = budget_forcing(scripted(thinker), "", how)
    assert result.text == "think think Waitthink think </think>no"


def test_thinking_is_ended_at_the_most():
    def forever(text: str) -> str | None:
        if "Answer:" in text:
            return None if text.endswith("no") else "no"
        return "think "

    result = budget_forcing(scripted(forever), "", BudgetForcing(max_thinking_tokens=5))
    assert result.text == "think " * 5 + "</think>Final Answer:no"
    assert result.budget.model_tokens == 7


def test_no_wait_behind_the_most():
    how = BudgetForcing(waits=5, max_thinking_tokens=3)
    result = budget_forcing(scripted(thinker), "", how)
    assert result.text == "think think </think>no"


def test_ending_the_text_while_thinking_is_taken_back_too():
    def quits(text: str) -> str | None:
        if "</think>" in text:
            return None if text.endswith("yes") else "yes"
        return None if text.endswith("think ") else "think "

    result = budget_forcing(scripted(quits), "", BudgetForcing(waits=1))
    assert result.text == "think Waitthink </think>Final Answer:yes"


@pytest.mark.parametrize("room", [None, 1], ids=["whole", "cut in two by the room"])
def test_a_mark_of_several_tokens_is_taken_back_whole(room):
    def spells(text: str) -> str | None:
        if text.endswith("</thi"):
            return "nk>"
        if "</think>" in text:
            return None if text.endswith("no") else "no"
        return "</thi" if text.endswith("think ") else "think "

    options = Options(max_step_tokens=room)
    result = budget_forcing(scripted(spells), "", BudgetForcing(waits=1), options=options)
    assert result.text == "think Waitthink </think>no"


def test_an_answer_has_a_most_too():
    def chatters(text: str) -> str:
        return "yes" if "</think>" in text else "</think>"

    how = BudgetForcing(waits=0, max_answer_tokens=4)
    result = budget_forcing(scripted(chatters), "", how)
    assert result.trajectories[0].text == "</think>" + "yes" * 4
    assert result.finished == (False,)
    assert result.trajectories[0].truncated
    assert result.answer is None


def test_several_solutions_vote():
    def reply(solution, uniform):
        if not solution:
            return Extension("hm</think>", False, 2)
        return Extension("yes" if uniform < 0.8 else "no", True, 1)

    result = budget_forcing(
        Script(reply), "", BudgetForcing(waits=0), num_solutions=30,
        options=Options(answer=lambda t: t.removeprefix("hm</think>")),
    )  # fmt: skip
    assert result.answer == "yes"
    assert sum(result.votes.values()) == 30
    assert set(result.votes) == {"yes", "no"}


def test_an_endpoint_that_dies_while_thinking_loses_nothing():
    def reply(solution, uniform):
        if solution:
            return Extension("", False, 0, error=EndpointError("gone"))
        return Extension("hm</think>", False, 2)

    result = budget_forcing(Script(reply), "", BudgetForcing(waits=1))
    assert result.solutions == (("hm", "Wait"),)
    assert result.errors == ("gone",)


@pytest.mark.parametrize(
    "changes", [{"end": ""}, {"waits": -1}, {"max_thinking_tokens": 0}], ids=str
)
def test_bad_settings_are_refused(changes):
    with pytest.raises(SettingsError):
        BudgetForcing(**changes)


def test_a_draft_prompt_is_the_papers():
    messages = chain_of_draft("2+2?", [("1+1?", "1+1=2\n#### 2")])
    assert [m["role"] for m in messages] == ["system", "user", "assistant", "user"]
    assert "5 words at most" in messages[0]["content"]
    assert messages[-1]["content"] == "2+2?"
    assert drafted_answer("a\n#### 4 ") == "4"
    assert drafted_answer("4") is None
    assert drafted_answer("####") is None
