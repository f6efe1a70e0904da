"""Writers: many prompts in one batch, none lost when one fails; and the account of a run."""

from __future__ import annotations

import json

import numpy as np
import pytest

import smc
from potentials.grammar.regex import Regex
from smc.errors import EndpointError, PotentialError, PromptError, SettingsError
from smc.model import Vocabulary
from smc.pages.strategy import strategy_page
from smc.steps import Extension
from smc.strategies import Options, best_of_n
from smc.strategies.ledger import DRAFT, Ledger
from smc.strategies.seeds import generators
from smc.strategies.writing import (
    EndpointWriter,
    StepWriter,
    Template,
    TokenWriter,
    WrittenText,
    question_of,
)
from tests.backends.endpoint import serving
from tests.step_worlds import MODEL, Judge, Script, rngs, token_steps, uneven
from tests.writers import ScriptedWriter, in_turn

Z = 4.0
LETTERS = Vocabulary((b"a", b"b", b"c", None), (3,))


class Prompted:
    """A table whose text begins with the prompt's letter: a letter, then a few of "c"."""

    def __init__(self) -> None:
        self.vocabulary = LETTERS
        self.batches: list[int] = []

    def start(self, prompts, vocabulary, max_tokens):
        for prompt in prompts:
            if prompt not in ("a", "b"):
                raise PromptError(f"prompt: got {prompt!r}; expected a letter.")
        self.batches.append(len(prompts))
        return smc.TableModel(LETTERS, self.row).start(prompts, vocabulary, max_tokens)

    @staticmethod
    def row(prefix):
        return (0.3, 0.5, 0.0, 0.2) if not prefix else (0.0, 0.0, 0.6, 0.4)


# ---- over step models


@pytest.mark.parametrize("seed", range(4))
def test_a_step_writer_draws_what_best_of_n_draws(seed):
    texts = StepWriter(token_steps(max_tokens=60)).write([""] * 5, rngs=generators(seed, 5))
    sampled = best_of_n(
        token_steps(max_tokens=60), "", Judge(uneven), num_solutions=5, options=Options(seed=seed)
    )
    assert [t.text for t in texts] == ["".join(s) for s in sampled.solutions]
    assert [t.finished for t in texts] == list(sampled.finished)
    assert sum(t.num_tokens for t in texts) == sampled.budget.model_tokens


def test_equal_prompts_run_together_and_texts_come_in_order():
    model = Script(lambda s, u: Extension(f"{u:.6f}.", len(s) == 1, 1))
    prompts = ["x", [{"role": "user", "content": "x"}], "x", [1, 2], "x"]
    texts = StepWriter(model).write(prompts, rngs=rngs(3, 5))
    assert [len(call) for call in model.calls] == [3, 3, 1, 1, 1, 1]
    alone = [
        StepWriter(model).write([p], rngs=[rng])[0]
        for p, rng in zip(prompts, rngs(3, 5), strict=True)
    ]
    assert texts == alone


def test_a_text_is_cut_at_its_most_tokens():
    model = Script(lambda s, u: Extension("on ", False, 2))
    (text,) = StepWriter(model).write(["x"], rngs=rngs(0, 1), max_tokens=5)
    assert (text.text, text.finished, text.truncated, text.num_tokens) == (
        "on " * 3,
        False,
        True,
        6,
    )
    (text,) = StepWriter(token_steps(max_tokens=60)).write([""], rngs=rngs(3, 1), max_tokens=2)
    assert text.num_tokens <= 2


def test_one_prompt_that_fails_costs_itself():
    class Fussy(Script):
        def extend(self, prompt, solutions, **options):
            if prompt == "bad":
                raise PromptError("prompt: too long")
            return super().extend(prompt, solutions, **options)

    def reply(solution, uniform):
        if uniform < 0.5 and solution:
            return Extension("", False, 0, error=EndpointError("it is down"))
        return Extension("x", bool(solution), 1)

    texts = StepWriter(Fussy(reply)).write(["ok", "bad", "ok", "ok"], rngs=rngs(2, 4))
    assert str(texts[1].error) == "prompt: too long"
    others = [texts[i] for i in (0, 2, 3)]
    assert {t.finished for t in others} == {True, False}
    for text in others:
        assert (text.error is None) is text.finished
        assert text.text == ("xx" if text.finished else "x")


def test_a_dead_end_is_an_error_of_its_text():
    model = Script(lambda s, u: Extension("", False, 0, log_weight=-np.inf))
    (text,) = StepWriter(model).write(["x"], rngs=rngs(0, 1))
    assert "constraints" in str(text.error) and not text.finished and not text.truncated


# ---- over language models


def test_a_token_writer_draws_from_the_model():
    runs = 4000
    writer = TokenWriter(smc.TableModel(LETTERS, Prompted.row), max_tokens=30)
    texts = writer.write([""] * runs, rngs=rngs(5, runs))
    expected = {"": 0.2, "a": 0.12, "b": 0.2, "bc": 0.12, "acc": 0.0432}
    for text, p in expected.items():
        share = np.mean([t.text == text for t in texts])
        assert abs(share - p) < Z * np.sqrt(p * (1 - p) / runs)
    assert all(t.finished and not t.truncated for t in texts)


def test_a_text_that_ends_in_the_last_slot_is_whole_and_one_that_does_not_is_cut():
    row = {(): (0.5, 0.5, 0.0), (0,): (0.0, 0.0, 1.0), (1,): (0.0, 1.0, 0.0)}
    letters = Vocabulary((b"a", b"b", None), (2,))
    writer = TokenWriter(smc.TableModel(letters, lambda prefix: row[prefix]), max_tokens=2)
    written = {(t.text, t.finished, t.truncated) for t in writer.write([""] * 20, rngs=rngs(2, 20))}
    assert written == {("a", True, False), ("bb", False, True)}


def test_a_text_does_not_depend_on_its_neighbours():
    writer = TokenWriter(MODEL, max_tokens=8)
    together = writer.write([""] * 6, rngs=rngs(7, 6))
    alone = [writer.write([""], rngs=[rng])[0] for rng in rngs(7, 6)]
    small = TokenWriter(MODEL, max_tokens=8, batch=4).write([""] * 6, rngs=rngs(7, 6))
    assert together == alone == small


def test_a_prompt_that_does_not_fit_costs_itself():
    model = Prompted()
    texts = TokenWriter(model).write(["a", "?", "b", "a", "!"], rngs=rngs(8, 5))
    assert ["?" in str(texts[1].error), "!" in str(texts[4].error)] == [True, True]
    good = TokenWriter(Prompted()).write(["a"] * 5, rngs=rngs(8, 5))
    assert [texts[i] for i in (0, 2, 3)] == [good[i] for i in (0, 2, 3)]
    assert sum(model.batches) == 3, "what is well is drawn once"


def test_constrained_texts_are_drawn_by_weight():
    """Two texts of probability .12 and .0432; all others are forbidden."""
    runs = 1500
    model = smc.TableModel(LETTERS, Prompted.row)
    writer = TokenWriter(model, [Regex("a(cc)?")], num_particles=40, max_tokens=30)
    texts = writer.write([""] * runs, rngs=rngs(9, runs))
    p = 0.12 / (0.12 + 0.0432)
    share = np.mean([t.text == "a" for t in texts])
    assert {t.text for t in texts} == {"a", "acc"}
    assert abs(share - p) < Z * np.sqrt(p * (1 - p) / runs) + 0.02  # N = 40 is not N = ∞


def test_constraints_that_nothing_meets_are_an_error_of_the_text():
    model = smc.TableModel(LETTERS, Prompted.row)
    texts = TokenWriter(model, [Regex("ab")], max_tokens=30).write([""] * 3, rngs=rngs(1, 3))
    assert all(isinstance(t.error, PotentialError) and "Regex" in str(t.error) for t in texts)


def test_temperature_is_the_models_or_refused():
    model = smc.TableModel(LETTERS, Prompted.row)
    greedy = TokenWriter(model, max_tokens=4).write([""] * 5, rngs=rngs(0, 5), temperature=0)
    assert {t.text for t in greedy} == {"bcc"} or {t.text for t in greedy} == {"bccc"}
    assert all(t.truncated and not t.finished for t in greedy)
    with pytest.raises(SettingsError, match="temperature"):
        TokenWriter(model, num_particles=2).write([""], rngs=rngs(0, 1), temperature=0.5)
    for wrong in ({"num_particles": 0}, {"max_tokens": 0}, {"batch": 0}):
        with pytest.raises(SettingsError):
            TokenWriter(model, **wrong)


# ---- over endpoints


def test_an_endpoint_writes_texts_of_its_own_length():
    def reply(request):
        cut = request.body["max_tokens"] == 2
        request.complete(request.text + "\n\n!", "length" if cut else "stop", tokens=3)

    with serving(reply, keep_alive=True) as served:
        writer = EndpointWriter("toy", served.url, extra={"top_p": 0.9})
        chat = [{"role": "user", "content": "Q"}]
        first, second = writer.write(["P", chat], rngs=rngs(0, 2), temperature=0.5)
        (cut,) = writer.write(["P"], rngs=rngs(0, 1), max_tokens=2)
    assert (first.text, first.finished, first.num_tokens) == ("P\n\n!", True, 3)
    assert (second.text, second.finished) == ("\n\n!", True)
    assert (cut.finished, cut.truncated) == (False, True)
    assert writer.passes == 3 * (3 + 1)
    bodies = {r.path: r.body for r in served.requests[:2]}
    assert bodies["/v1/chat/completions"]["messages"] == chat
    assert all(b["temperature"] == 0.5 and b["top_p"] == 0.9 for b in bodies.values())
    assert "temperature" not in served.requests[2].body and "stop" not in served.requests[2].body


def test_an_endpoint_that_fails_loses_one_text():
    def reply(request):
        if request.text == "bad":
            request.say(b"no", 400)
        elif request.text == "nonsense":
            request.say(b"[]")
        else:
            request.complete("fine", tokens=1)

    with serving(reply) as served:
        writer = EndpointWriter("toy", served.url, retries=0, backoff=0.0)
        texts = writer.write(["a", "bad", "nonsense", [1, 2], "b"], rngs=rngs(0, 5))
    assert [t.text for t in texts] == ["fine", "", "", "", "fine"]
    assert [t.error is None for t in texts] == [True, False, False, False, True]
    assert isinstance(texts[3].error, PromptError)


def test_what_an_endpoint_writer_decides_is_not_a_further_field():
    with pytest.raises(SettingsError, match="seed"):
        EndpointWriter("toy", "http://localhost:1/v1", extra={"seed": 3})


# ---- templates


def test_templates_are_checked_for_their_fields():
    template = Template("Q: {question}", "Judge {draft}.", fields=("question", "draft"))
    values = {"question": "{x}?", "draft": "d"}
    assert template.like([{"role": "user", "content": "Q"}], values) == [
        {"role": "system", "content": "Judge d."},
        {"role": "user", "content": "Q: {x}?"},
    ]
    assert template.like("Q", values) == "Judge d.\n\nQ: {x}?"
    for user, fields in (("{question}", ("draft",)), ("{a} {b}", ("a",)), ("{a", ("a",))):
        with pytest.raises(SettingsError, match="template"):
            Template(user, fields=fields)


def test_a_question_is_the_text_or_the_last_message():
    assert question_of("why") == "why"
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    assert question_of(chat) == "u"
    with pytest.raises(SettingsError, match="token ids"):
        question_of([1, 2])


# ---- the ledger


def test_the_ledger_counts_writers_and_the_judge_from_where_they_stood():
    first, second, judge = in_turn("ab", "c"), in_turn("defg"), Judge(lambda text: 0.5)
    first.passes, judge.passes = 100, 50
    ledger = Ledger(0, judge)
    drafts = ledger.write(first, DRAFT, ["p", "q"])
    ledger.write(second, "critique", ["r"])
    trajectories = ledger.trajectories("Q", drafts)
    assert [t.value for t in trajectories] == [0.5, 0.5]
    budget = ledger.budget
    assert (budget.model_tokens, budget.model_passes) == (7, 3 + 2 + 5)
    assert (budget.reward_passes, budget.reward_tokens) == (2, 3)
    assert [(c.role, c.prompt, c.written.text) for c in ledger.calls] == [
        (DRAFT, "p", "ab"), (DRAFT, "q", "c"), ("critique", "r", "defg"),
    ]  # fmt: skip


def test_every_text_has_a_generator_of_its_role_and_place():
    def uniforms(*sizes: tuple[str, int]) -> dict[str, list[str]]:
        writer = ScriptedWriter(lambda prompt, uniform: f"{uniform:.12f}")
        ledger = Ledger(11)
        drawn: dict[str, list[str]] = {}
        for role, size in sizes:
            texts = ledger.write(writer, role, ["p"] * size)
            drawn.setdefault(role, []).extend(t.text for t in texts)
        return drawn

    few = uniforms((DRAFT, 3), ("critique", 2))
    more = uniforms((DRAFT, 2), ("critique", 1), (DRAFT, 3), ("edit", 2), ("critique", 3))
    assert more[DRAFT][:3] == few[DRAFT] and more["critique"][:2] == few["critique"]
    everything = [u for own in more.values() for u in own]
    assert len(set(everything)) == len(everything)
    assert few[DRAFT] == [f"{g.random():.12f}" for g in generators(11, 3)]


def test_a_writer_that_fails_as_a_whole_has_written_nothing():
    class Down(ScriptedWriter):
        def write(self, prompts, **options):
            raise EndpointError("it is down")

    ledger = Ledger(0)
    texts = ledger.write(Down(lambda p, u: ""), DRAFT, ["p", "q"])
    assert [t.text for t in texts] == ["", ""] and ledger.errors == ("it is down",)
    with pytest.raises(EndpointError, match="it is down"):
        ledger.require(texts)
    ledger.require([*texts, WrittenText("x", True, 1)])


def test_a_writer_that_returns_too_little_is_named():
    class Short(ScriptedWriter):
        def write(self, prompts, **options):
            return []

    with pytest.raises(SettingsError, match=r"writer Short: write returned 0 texts for 1"):
        Ledger(0).write(Short(lambda p, u: ""), DRAFT, ["p"])


def test_a_judge_that_errs_is_named_with_the_text():
    ledger = Ledger(0, Judge(lambda text: 2.0))
    with pytest.raises(PotentialError, match="abc"):
        ledger.trajectories("Q", [WrittenText("abc", True, 3)])


def test_the_record_of_calls_is_plain_data():
    ledger = Ledger(0)
    ledger.write(in_turn("a"), DRAFT, [[{"role": "user", "content": "Q"}]])
    result = ledger.result(ledger.trajectories("Q", []), None, "best")
    (call,) = result.calls
    assert json.dumps([call.role, call.prompt, call.written.text])
    assert result.answer is None


# ---- the page


@pytest.mark.parametrize("evil", ["<img src=x onerror=alert(1)>", "</script>\x1b[31m\u202e"])
def test_the_page_shows_a_run_and_escapes_every_leaf(evil):
    writer = in_turn(evil, EndpointError(evil))
    ledger = Ledger(0, Judge(lambda text: 0.75))
    texts = ledger.write(writer, evil, [evil, [{"role": evil, "content": evil}]])
    trajectories = ledger.trajectories(evil, texts)
    result = ledger.result(trajectories, lambda text: text, "best")
    page = strategy_page(result, title=evil)
    assert "<img" not in page and "\x1b" not in page and "\u202e" not in page
    assert page.count("</script>") == 1, "our own"
    assert "1 of 2 finished" in page and "0.750" in page and "★" in page


def test_the_page_shows_strategies_that_write_one_prompt_too():
    result = best_of_n(token_steps(max_tokens=60), "", Judge(uneven), num_solutions=3)
    page = strategy_page(result, title="best of 3")
    assert "<h2>Calls</h2>" not in page and page.count("★") == 1
    assert f"{result.budget.model_tokens}</dd>" in page
