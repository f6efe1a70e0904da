"""A model as a judge by likelihood: the probability of "Yes", read off one forward pass."""

import math

import numpy as np
import pytest

import smc
from smc.errors import PromptError, SettingsError
from smc.steps import Extension
from smc.strategies.judges import as_judge
from smc.strategies.likelihood_judge import LikelihoodJudge
from smc.strategies.llm_judge import LLMJudge
from smc.strategies.writing import Template
from smc.strategies.writing.step_writer import StepWriter
from smc.vocabulary import Vocabulary
from tests.models import saved_model
from tests.step_worlds import Script, rngs
from tests.writers import ScriptedWriter

SHORT = Template("{question}{solution}", fields=("question", "solution"))
TOKENS = (b"a", b"b", b"Yes", b" Yes", b"yes", b"No", b"no", None)


def probs(prefix):
    """More a's, more of a yes; in three spellings."""
    a = 1 + sum(t == 0 for t in prefix)
    row = np.array([0.5, 0.5, a, 0.5 * a, 0.25, 2.0, 0.125, 0.3])
    return tuple(row / row.sum())


MODEL = smc.TableModel(Vocabulary(TOKENS, (7,)), probs)


def judge(**changes):
    return LikelihoodJudge(MODEL, **{"template": SHORT, "cue": ""} | changes)


def expected(text):
    a = 1 + text.count("a")
    yes, no = 1.5 * a + 0.25, 2.125
    return pytest.approx(yes / (yes + no), abs=1e-6)


def test_the_score_is_the_share_of_yes_in_all_spellings():
    assert judge().scores("b", [("a", "ba"), ("b",), ()]) == [
        (expected("ba"), expected("baba")),
        (expected("bb"),),
        (),
    ]


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_batches_and_memory_change_nothing_but_the_cost(batch):
    one = judge(batch=batch)
    first = one.scores("b", [("a", "ba"), ("a", "bb"), ("a", "ba")])
    assert first == judge().scores("b", [("a", "ba"), ("a", "bb"), ("a", "ba")])
    assert one.passes == 3  # each distinct beginning once
    one.scores("b", [("a", "ba", "a")])
    assert one.passes == 4
    one.scores("a", [("a",)])
    assert one.passes == 5  # of another question
    one.clear()
    one.scores("b", [("a",)])
    assert one.passes == 6


def test_it_reads_the_model_at_temperature_1():
    hot = LikelihoodJudge(
        MODEL.with_sampling(temperature=0.2, top_p=0.4, top_k=2), template=SHORT, cue=""
    )
    assert hot.scores("", [("b",)]) == [(expected("b"),)]


def test_what_does_not_fit_scores_nothing_and_is_counted():
    class Short(type(MODEL)):
        def start(self, prompts, vocabulary, max_tokens):
            if any(len(p) > 4 for p in prompts):
                raise PromptError("too long")
            return super().start(prompts, vocabulary, max_tokens)

    short = LikelihoodJudge(Short(MODEL.vocabulary, MODEL.next_probs), template=SHORT, cue="")
    assert short.scores("b", [("a", "bbbbbb", "a"), ("b",)]) == [
        (expected("ba"), 0.0, 0.0),
        (expected("bb"),),
    ]
    assert short.unreadable == 2 and short.passes == 2


def test_prompts_that_never_work_are_an_error():
    with pytest.raises(PromptError, match="no token begins"):
        LikelihoodJudge(MODEL).scores("Why?", [("Because.",)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"yes": ("Yes",), "no": ("yes",)}, "same tokens"),
        ({"yes": ("Maybe",)}, "cannot write"),
        ({"batch": 0}, "batch"),
    ],
    ids=["same", "unwritten", "batch"],
)
def test_bad_words_are_refused(changes, message):
    with pytest.raises(SettingsError, match=message):
        judge(**changes)


def test_with_a_model_of_transformers_it_is_its_likelihood(tmp_path):
    model = smc.load(str(saved_model(tmp_path / "tiny")), device="cpu")
    template = Template("{question} {solution} Yes or no", fields=("question", "solution"))
    reward = LikelihoodJudge(model, template=template, cue="", yes=("a",), no=("e",))
    (score,) = reward.scores("one", [("two",)])[0]
    forms = {w: {f for f in (w, w.upper(), f" {w}")} for w in "ae"}
    first = {w: {model.tokenize(f)[:1] for f in fs if len(model.tokenize(f)) == 1}
             for w, fs in forms.items()}  # fmt: skip
    mass = {
        w: sum(math.exp(smc.log_prob(model, "one two Yes or no", t, ends=False)) for t in ids)
        for w, ids in first.items()
    }
    assert score == pytest.approx(mass["a"] / (mass["a"] + mass["e"]), rel=1e-4)
    assert reward.tokens == len(model.encode("one two Yes or no", 1))


def test_judges_by_name():
    assert isinstance(as_judge(ScriptedWriter(lambda p, u: "7")), LLMJudge)
    assert isinstance(as_judge(MODEL), LLMJudge)
    assert isinstance(as_judge(MODEL, "likelihood"), LikelihoodJudge)
    with pytest.raises(SettingsError, match="no probabilities"):
        as_judge(ScriptedWriter(lambda p, u: "7"), "likelihood")
    with pytest.raises(SettingsError, match="prompted, likelihood"):
        as_judge(MODEL, "mood")  # type: ignore[arg-type]


def test_a_chat_that_says_how_it_is_written_can_be_rated_and_written():
    chat = smc.Chat([{"role": "user", "content": "Q"}], template_kwargs={"enable_thinking": False})
    steps = Script(lambda solution, uniform: Extension("7", True, 1))
    assert as_judge(steps).scores(chat, [("x",)]) == [(0.7,)]
    texts = StepWriter(steps).write([chat, chat, "Q"], rngs=rngs(0, 3))
    assert [t.text for t in texts] == ["7", "7", "7"]
    assert len(steps.calls) == 3  # one of the judge, and one for each of two prompts
