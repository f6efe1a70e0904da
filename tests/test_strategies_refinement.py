"""Systems that judge and write again: revisions, TPO, feedback and edit, on scripted writers."""

from __future__ import annotations

import re

import pytest

from smc.errors import EndpointError, PotentialError, SettingsError
from smc.strategies import Options, best_of_n, feedback_edit, revisions, tpo
from smc.strategies.feedback_edit import effectiveness
from smc.strategies.revisions import revise_by
from smc.strategies.tpo import TPOPrompts
from smc.strategies.writing import StepWriter, Template, WrittenText
from tests.step_worlds import Judge, token_steps, uneven
from tests.writers import ScriptedWriter, in_turn

SEEDS = range(6)


def by_table(**values: float) -> Judge:
    """A judge of whole texts by their first word."""
    return Judge(lambda text: values[text.split()[0]])


def world():
    return token_steps(max_tokens=60)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("strategy", "changes", "selection"),
    [
        (revisions, {"chains": 6}, "best"),
        (revisions, {"chains": 6}, "weighted"),
        (tpo, {"rounds": 0}, "best"),
    ],
    ids=["revisions best", "revisions weighted", "tpo"],
)
def test_without_writing_again_it_is_best_of_n(seed, strategy, changes, selection):
    options = Options(seed=seed, selection=selection)
    result = strategy(world(), "", Judge(uneven), num_solutions=6, options=options, **changes)
    sampled = best_of_n(
        world(), "", Judge(uneven), num_solutions=6,
        options=Options(seed=seed, selection=selection, aggregate="whole"),
    )  # fmt: skip
    assert ["".join(s) for s in result.solutions] == ["".join(s) for s in sampled.solutions]
    assert result.answer == sampled.answer and result.votes == sampled.votes
    assert result.budget == sampled.budget


# ---- sequential revisions


def numbered() -> ScriptedWriter:
    """Attempts named by how many there were before."""
    count = iter(range(1000))
    return ScriptedWriter(lambda prompt, uniform: f"t{next(count)}")


def test_an_attempt_sees_the_last_four_of_its_chain():
    writer = numbered()
    result = revisions(writer, "Q", Judge(lambda t: 0.5), num_solutions=14, chains=2, context=4)
    assert [t.text for t in result.trajectories] == [f"t{i}" for i in range(14)]
    assert writer.sizes == [2] * 7 and writer.prompts[:2] == ["Q", "Q"]
    for place, prompt in enumerate(writer.prompts[2:], 2):
        before = list(range(place % 2, place, 2))[-4:]
        assert re.findall(r"\bt\d+\b", prompt) == [f"t{i}" for i in before]
        assert re.findall(r"Attempt (\d+):", prompt) == [str(i + 1) for i in range(len(before))]
        assert "Q" in prompt


def test_selection_in_two_stages_and_flat_differ():
    """Chain 0 is split, and its larger half wins it; over all attempts the other answer wins."""
    texts = ["a1", "b1", "b2", "a2", "a3", "b3"]  # in turn of chains 0 and 1
    values = {"a1": 0.5, "b2": 0.45, "a3": 0.05, "b1": 0.3, "a2": 0.2, "b3": 0.05}

    def run(selection):
        options = Options(answer=lambda t: t[0], selection=selection)
        return revisions(
            in_turn(*texts), "Q", by_table(**values), num_solutions=6, chains=2, options=options
        )

    staged = run("weighted")
    assert staged.votes == pytest.approx({"a": 0.5, "b": 0.3})
    assert staged.answer == "a" and staged.text == "a1"
    # Flat: a has 0.5 + 0.05 + 0.2 = 0.75, b has 0.45 + 0.3 + 0.05 = 0.8.
    assert sum(v for t, v in values.items() if t[0] == "b") > 0.75
    assert run("best").answer == "a"
    votes = run("majority")
    assert votes.votes == {"a": 3, "b": 3}


def test_without_a_judge_attempts_are_voted_on():
    result = revisions(in_turn("a", "b", "b", "c"), "Q", num_solutions=4, chains=1)
    assert result.answer == "b" and result.budget.reward_passes == 0


def test_an_attempt_that_failed_or_is_empty_is_not_shown():
    writer = in_turn(
        "t0", EndpointError("it is down"), "t2", "", WrittenText("", True, 1), "t5", "t6"
    )
    result = revisions(writer, "Q", Judge(lambda t: 0.5), num_solutions=7, chains=1)
    seen = [re.findall(r"\bt\d\b", p) for p in writer.prompts]
    assert seen == [
        [],
        ["t0"],
        ["t0"],
        ["t0", "t2"],
        ["t0", "t2"],
        ["t0", "t2"],
        ["t0", "t2", "t5"],
    ]
    assert result.errors == ("it is down",) and result.answer == "t0"


def test_the_judge_may_see_the_attempts_before():
    seen: list[str] = []

    class Watching(Judge):
        def scores(self, prompt, solutions):
            seen.append(prompt)
            return super().scores(prompt, solutions)

    for in_context, expected in ((False, ["Q", "Q"]), (True, ["Q", "Q after t0"])):
        seen.clear()
        revisions(
            in_turn("t0", "t1"), "Q", Watching(lambda t: 0.5), num_solutions=2, chains=1,
            revise=lambda prompt, attempts: f"{prompt} after {' '.join(attempts)}",
            judged_in_context=in_context,
        )  # fmt: skip
        assert seen == expected


def test_longer_chains_begin_like_shorter_ones():
    writer = ScriptedWriter(lambda prompt, uniform: f"{uniform:.9f}")
    short, long = (
        revisions(writer, "Q", Judge(lambda t: 0.5), num_solutions=n, chains=2) for n in (4, 10)
    )
    assert long.solutions[:4] == short.solutions


def test_chat_stays_chat():
    prompt = [{"role": "system", "content": "s"}, {"role": "user", "content": "Why?"}]
    asked = revise_by()(prompt, ["one"])
    assert isinstance(asked, list) and asked[0]["role"] == "user"
    assert asked[0]["content"].startswith("Why?") and "Attempt 1:\none" in asked[0]["content"]


# ---- TPO


def tpo_writer(*drafts: str, rewrites=lambda n: f"<improved>r{n}</improved>") -> ScriptedWriter:
    """Drafts in turn, and what each role answers."""
    left, count = iter(drafts), iter(range(1000))

    def reply(prompt: str, uniform: float) -> str:
        if "A worse answer" in prompt or "does well and badly" in prompt:
            return "critique!"
        if "What a reviewer says" in prompt:
            return "suggestions!"
        if "How it should be changed" in prompt:
            return rewrites(next(count))
        return next(left)

    return ScriptedWriter(reply)


def between(prompt: str, start: str, end: str = "\n\n") -> str:
    return prompt.split(start, 1)[1].split(end, 1)[0]


def test_best_and_worst_are_those_of_all_rounds():
    values = {"d0": 0.5, "d1": 0.2, "d2": 0.3, "r0": 0.4, "r1": 0.6, "r2": 0.1,
              "r3": 0.3, "r4": 0.3, "r5": 0.3, "r6": 0.3, "r7": 0.3, "r8": 0.9}  # fmt: skip
    writer = tpo_writer("d0", "d1", "d2")
    result = tpo(writer, "Q", by_table(**values), num_solutions=3, rounds=3)
    critiques = [p for p in writer.prompts if "A worse answer" in p]
    shown = [(between(p, "A better answer:\n"), between(p, "A worse answer:\n")) for p in critiques]
    # The third round goes on from r1, though all texts of the second are worse.
    assert shown == [("d0", "d1"), ("r1", "r2"), ("r1", "r2")]
    suggested = [p for p in writer.prompts if "What a reviewer says" in p]
    assert all("critique!" in p for p in suggested)
    rewritten = [p for p in writer.prompts if "How it should be changed" in p]
    assert all("suggestions!" in p for p in rewritten)
    assert result.text == "r8"
    assert [c.role for c in result.calls] == ["draft"] * 3 + (
        ["critique", "suggestions", *["rewrite"] * 3] * 3
    )
    texts = sum(len(c.written.text) for c in result.calls)
    assert result.budget.model_tokens == texts and result.budget.reward_passes == 12
    best = [max(t.value for r in result.history[: k + 1] for t in r.trajectories) for k in range(4)]
    assert best == sorted(best)


def test_the_revision_mode_shows_no_worse_answer():
    writer = tpo_writer("d0", "d1")
    values = {"d0": 0.5, "d1": 0.2, "r0": 0.1, "r1": 0.1}
    tpo(writer, "Q", by_table(**values), num_solutions=2, rounds=1, mode="revision")
    assert not any("d1" in p or "worse" in p for p in writer.prompts)


@pytest.mark.parametrize("missing", ["some", "all"])
def test_rewrites_without_tags_are_dropped_and_told(missing):
    def rewrites(n: int) -> str:
        bare = missing == "all" or n % 2
        return f"r{n}" if bare else f"So: <improved>\nr{n}\n</improved> Done."

    writer = tpo_writer("d0", "d1", rewrites=rewrites)
    values = {"d0": 0.5, "d1": 0.2, "r0": 0.9, "r2": 0.8}
    result = tpo(writer, "Q", by_table(**values), num_solutions=2, rounds=2)
    assert result.text == ("d0" if missing == "all" else "r0")
    told = "2 of 2" if missing == "all" else "1 of 2"
    assert result.notes == (f"tpo: {told} rewrites had no <improved> tags.",)


def test_equal_values_go_to_the_first():
    writer = tpo_writer("d0", "d1", "d2")
    result = tpo(writer, "Q", Judge(lambda t: 0.5), num_solutions=3, rounds=1)
    (critique,) = [p for p in writer.prompts if "A worse answer" in p]
    assert between(critique, "A better answer:\n") == "d0" == between(critique, "A worse answer:\n")
    assert result.text == "d0"


@pytest.mark.parametrize("role", ["does well and badly", "What a reviewer says"])
def test_a_critique_that_fails_leaves_the_texts_as_they_are(role):
    inner = tpo_writer("d0", "d1")

    def reply(prompt, uniform):
        return EndpointError("it is down") if role in prompt else inner.reply(prompt, uniform)

    result = tpo(ScriptedWriter(reply), "Q", by_table(d0=0.1, d1=0.7), num_solutions=2)
    assert result.text == "d1" and result.errors == ("it is down",)
    assert len(result.notes) == 1 and "gave nothing" in result.notes[0]


def test_texts_that_have_no_end_are_not_improved():
    writer = ScriptedWriter(lambda p, u: WrittenText("on and on", False, 9, truncated=True))
    result = tpo(writer, "Q", Judge(lambda t: 0.5), num_solutions=2)
    assert result.answer is None and len(result.calls) == 2 and "no text" in result.notes[0]


def test_prompts_of_roles_can_be_replaced():
    mine = Template(
        "Tadel: {chosen} {rejected} {question}", fields=("question", "chosen", "rejected")
    )
    inner = tpo_writer("d0", "d1")
    writer = ScriptedWriter(lambda p, u: "c" if "Tadel" in p else inner.reply(p, u))
    tpo(writer, "Q", Judge(lambda t: 0.5), num_solutions=2, rounds=1, prompts=TPOPrompts(mine))
    assert writer.prompts[2] == "Tadel: d0 d0 Q"


def test_a_judge_that_errs_is_named_with_the_text():
    with pytest.raises(PotentialError, match="d1"):
        tpo(tpo_writer("d0", "d1"), "Q", by_table(d0=0.5, d1=1.5), num_solutions=2)


# ---- feedback and edit


def feedback_writer(feedback, edit) -> ScriptedWriter:
    drafts, said, edited = iter(range(99)), iter(range(99)), iter(range(99))

    def reply(prompt: str, uniform: float) -> str:
        if "Feedback:" in prompt:
            return edit(next(edited), prompt)
        if "Begin with one of" in prompt:
            return feedback(next(said))
        return f"d{next(drafts)}"

    return ScriptedWriter(reply)


def test_drafts_feedbacks_and_edits_are_as_many_as_asked():
    writer = feedback_writer(lambda n: f"not helpful, but {n}", lambda n, p: f"e{n}")
    judge = Judge(lambda t: 0.9 if t == "e3" else 0.5)
    result = feedback_edit(writer, "Q", judge, num_solutions=3, feedbacks=4, effective=2, edits=2)
    roles = [c.role for c in result.calls]
    assert [roles.count(r) for r in ("draft", "feedback", "edit")] == [3, 12, 6]
    assert writer.sizes == [3, 12, 6], "each stage is one batch"
    assert result.text == "e3" and len(result.trajectories) == 9
    assert result.budget.reward_passes == 9


def test_the_editor_sees_the_most_effective_feedbacks_in_their_order():
    said = [
        "The answer is perfectly helpful, but however but.",
        "mostly helpful. However, it should be shorter.",
        "no verdict at all, but wrong",
        "not helpful. It is wrong, but could improve, instead of that.",
    ]
    writer = feedback_writer(lambda n: said[n], lambda n, p: "e")
    feedback_edit(
        writer, "Q", Judge(lambda t: 0.5), num_solutions=1, feedbacks=4, effective=3, edits=1
    )
    edit = writer.prompts[-1]
    places = [edit.find(text) for text in (said[3], said[1], said[0])]
    assert -1 not in places and places == sorted(places) and said[2] not in edit


def test_a_feedback_without_a_verdict_is_used_where_there_is_no_other():
    assert effectiveness("words") < effectiveness("It is perfectly helpful, but") < 0
    writer = feedback_writer(lambda n: "unparsable", lambda n, p: "e")
    feedback_edit(writer, "Q", Judge(lambda t: 0.5), num_solutions=1, feedbacks=2, edits=1)
    assert "unparsable" in writer.prompts[-1]


def test_copies_are_told_and_an_edit_is_never_worse():
    writer = feedback_writer(
        lambda n: "partially helpful", lambda n, p: ["d0", " d0 ", "e2", "e3"][n]
    )
    judge = by_table(d0=0.5, e2=0.4, e3=0.6)
    how = {"num_solutions": 1, "feedbacks": 1, "edits": 4}
    result = feedback_edit(writer, "Q", judge, **how)
    assert [t.text for t in result.trajectories] == ["d0", "d0", " d0 ", "e3"]
    assert result.text == "e3"
    assert result.notes == ("feedback_edit: 2 of 4 edits only copied their draft.",)
    writer = feedback_writer(lambda n: "partially helpful", lambda n, p: "e2")
    kept = feedback_edit(writer, "Q", judge, never_worse=False, **how)
    assert [t.text for t in kept.trajectories] == ["d0", *["e2"] * 4] and kept.text == "d0"


def test_a_critic_that_fails_loses_its_feedback_and_no_more():
    def feedback(n):
        return EndpointError("it is down") if n % 2 else f"not helpful, number {n}"

    writer = feedback_writer(feedback, lambda n, p: f"e{n}")
    result = feedback_edit(writer, "Q", Judge(lambda t: 0.5), num_solutions=2, feedbacks=2, edits=1)
    edits = [p for p in writer.prompts if "Feedback:" in p]
    assert len(edits) == 2 and "number 0" in edits[0] and "number 2" in edits[1]
    assert result.errors == ("it is down",)


def test_roles_may_have_writers_of_their_own():
    responder, critic, editor = in_turn("d0"), in_turn("not helpful"), in_turn("e0")
    result = feedback_edit(
        responder, "Q", by_table(d0=0.1, e0=0.2), num_solutions=1, feedbacks=1, edits=1,
        critic=critic, editor=editor,
    )  # fmt: skip
    assert result.text == "e0" and result.budget.model_passes == 3 + 12 + 3


# ---- what they share


@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        (revisions, {"chains": 3}),
        (revisions, {"chains": 0}),
        (revisions, {"context": 0}),
        (tpo, {"rounds": -1}),
        (tpo, {"rounds": True}),
        (tpo, {"mode": "best"}),
        (feedback_edit, {"feedbacks": 0}),
        (feedback_edit, {"effective": 0}),
        (feedback_edit, {"edits": 0}),
    ],
    ids=str,
)
def test_bad_settings_are_refused(strategy, changes):
    with pytest.raises(SettingsError):
        strategy(StepWriter(world()), "", Judge(uneven), num_solutions=4, **changes)


@pytest.mark.parametrize("strategy", [revisions, tpo, feedback_edit])
def test_what_is_no_writer_is_refused_with_a_remedy(strategy):
    with pytest.raises(SettingsError, match="TokenWriter"):
        strategy(object(), "", Judge(uneven), num_solutions=4)


def test_a_language_model_in_a_step_models_place_is_told_how_to_be_wrapped():
    from tests.step_worlds import MODEL

    with pytest.raises(SettingsError, match=r"TableModel; expected a step model.*TokenSteps"):
        best_of_n(MODEL, "", Judge(uneven), num_solutions=2)
    with pytest.raises(SettingsError, match="StepScorer"):
        best_of_n(world(), "", uneven, num_solutions=2)
