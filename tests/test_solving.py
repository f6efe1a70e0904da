"""`smc.solve`: names for rewards and answers, prompts, options of strategies, pages and JSON."""

import json
import re

import pytest

import smc
from domains.arithmetic.task import PRM
from potentials.reward_model import FunctionReward
from smc.cli.solve_arguments import FORMAT_NAMES, JUDGE_NAMES, STRATEGY_NAMES
from smc.errors import ModelError, PromptError, SettingsError
from smc.integrations.answers import answer_of
from smc.integrations.solving import asked, room_for
from smc.strategies import STRATEGIES, Options, beam
from smc.strategies.judges import JUDGES
from smc.strategies.own_options import own_options, read_options
from smc.strategies.solve import ALIASES
from smc.strategies.solve import solve as solve_by
from tests.step_worlds import MODEL, Judge, token_steps, uneven
from tests.writers import ScriptedWriter

QUESTION = "a=7+5;b=a*3;b?\n"
WORLD = {"mark": ".", "max_tokens": 30, "answer": None}


@pytest.fixture(scope="module")
def arithmetic():
    return smc.load("domains/arithmetic/model")


def test_a_question_is_solved_in_one_line(arithmetic):
    reward = smc.load_reward(str(PRM), "math-shepherd")
    result = smc.solve(
        arithmetic, QUESTION, reward=reward, strategy="beam", budget=4, mark="\n", max_tokens=60
    )
    assert result.answer == "36" and result.budget.reward_passes > 0
    assert result.scores[0] and result.text


def test_it_is_the_strategy_with_names_resolved():
    given = smc.solve(MODEL, "", reward=Judge(uneven), strategy="particles", budget=6, **WORLD)
    own = solve_by(MODEL, "", reward=Judge(uneven), strategy="particle_filter", budget=6,
                   mark=".", max_tokens=30)  # fmt: skip
    assert given == own


def test_a_loaded_model_may_be_the_reward():
    rates = ScriptedWriter(lambda prompt, uniform: "9" if "unfinished:\na" in prompt else "1")
    result = smc.solve(
        token_steps(max_tokens=30), "", reward=None, judge=None, budget=4, answer="text"
    )
    assert result.budget.reward_passes == 0
    drafts = ScriptedWriter(lambda p, u: rates.reply(p, u) if "0 (not" in p else "ab"[u > 0.5])
    judged = smc.solve(drafts, "Q", judge="prompted", strategy="tpo", budget=6, answer="text",
                       settings={"rounds": 0})  # fmt: skip
    assert judged.answer == "a" and judged.budget.reward_passes > 0
    assert smc.solve(drafts, "Q", reward="self", strategy="tpo", budget=6, answer="text",
                     settings={"rounds": 0}) == judged  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"answer": "maths"}, "math, last_number, text, re:PATTERN"),
        ({"answer": "re:("}, "regular expression"),
        ({"reward": 3}, "reward: got 3"),
        ({"reward": FunctionReward(lambda p, s: [1.0]), "judge": "prompted"}, "by itself"),
        ({"settings": {"widht": 2}, "strategy": "beam", "reward": Judge(uneven)}, "Is it width"),
        ({"settings": {"num_solutions": 2}}, "Is it budget"),
    ],
    ids=["answer", "pattern", "reward", "judge", "option", "size"],
)
def test_bad_arguments_are_explained(changes, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        smc.solve(MODEL, "", **WORLD | {"budget": 2} | changes)


# ---- budgets


@pytest.mark.parametrize(
    ("name", "settings", "count"),
    [
        ("particle_gibbs", {}, 4),
        ("particle_gibbs", {"sweeps": 2}, 8),
        ("tpo", {"rounds": 3}, 4),
        ("tpo", {}, 5),
        ("best_of_n", {}, 16),
    ],
    ids=["gibbs", "two sweeps", "three rounds", "tpo", "best"],
)
def test_sweeps_and_rounds_share_the_budget(name, settings, count):
    result = solve_by(MODEL, "", reward=Judge(uneven), strategy=name, budget=16, mark=".",
                      max_tokens=20, settings=settings)  # fmt: skip
    assert len(result.history[0].trajectories) == count


# ---- answers


@pytest.mark.parametrize(
    ("how", "text", "answer"),
    [
        ("math", r"So it is \boxed{\frac{1}{2}}.", answer_of("math")(r"\boxed{0.5}")),
        ("math", "x = 3, so the answer is 1,200 apples.", "1200"),
        ("math", "I do not know.", None),
        ("last_number", "First 3. Then $4.50, of \\boxed{7}", "7"),
        ("last_number", "none", None),
        ("text", "  yes\n", "yes"),
        ("text", " \n", None),
        ("re:is (\\w)", "is a, is b", "b"),
        ("re:[xy]+", "xx or\nyy", "yy"),
        ("re:z", "xx", None),
    ],
    ids=["fraction", "says", "no answer", "number", "no number", "text", "empty", "group", "match",
         "no match"],
)  # fmt: skip
def test_answers_by_name(how, text, answer):
    if how == "math" and "frac" in text:
        assert answer_of(how)(text) is not None
        return
    assert answer_of(how)(text) == answer


def test_a_function_or_none_is_itself():
    assert answer_of(None) is None and answer_of(len) is len


# ---- prompts


class Chatty:
    """A model with a chat template, which may refuse system messages."""

    class tokenizer:  # noqa: N801
        chat_template = "…"

    def __init__(self, system=True):
        self.system = system

    def encode(self, prompt, max_tokens):
        if not self.system and prompt[0]["role"] == "system":
            raise PromptError("no system messages")
        return (1,)


def test_chat_models_are_asked_as_chat_models():
    system, user = asked(Chatty(), "1+1?", "math", None, None)
    assert "boxed" in system["content"] and user == {"role": "user", "content": "1+1?"}
    (user,) = asked(Chatty(system=False), "1+1?", "math", None, None)
    assert user["content"].startswith("1+1?\n\n") and "boxed" in user["content"]
    assert asked(Chatty(), "1+1?", "text", None, None) == [user | {"content": "1+1?"}]
    assert asked(Chatty(), "1+1?", "math", "", None) == [user | {"content": "1+1?"}]
    assert asked(Chatty(), "1+1?", "math", None, False) == "1+1?"
    assert asked(MODEL, "1+1?", "math", None, None) == "1+1?"
    assert "Be brief." in asked(MODEL, "1+1?", "math", "Be brief.", None)
    chat = [{"role": "user", "content": "1+1?"}]
    assert asked(Chatty(), chat, "math", None, None) is chat


def test_solutions_are_as_long_as_the_context_has_room(arithmetic):
    assert room_for(MODEL, "", quotes=False) == 2048
    room = room_for(arithmetic, QUESTION, quotes=False)
    assert room == arithmetic.context - len(arithmetic.encode(QUESTION, 1))
    assert room_for(arithmetic, QUESTION, quotes=True) == room // 2
    assert smc.solve(arithmetic, QUESTION, budget=2, mark="\n").answer == "36"
    with pytest.raises(PromptError, match="context"):
        smc.solve(arithmetic, QUESTION, budget=2, mark="\n", max_tokens=600)


# ---- options of strategies


def test_every_strategy_has_options_that_can_be_read():
    assert tuple(STRATEGIES) == STRATEGY_NAMES and JUDGES == JUDGE_NAMES
    assert set(ALIASES.values()) <= set(STRATEGIES) and not set(ALIASES) & set(STRATEGIES)
    for name in STRATEGIES:
        for option in own_options(name).values():
            if option.kinds or option.choices:
                value = option.choices[-1] if option.choices else option.default
                shown = json.dumps(value) if not isinstance(value, str) else value
                assert read_options(name, {option.name: shown}) == {option.name: value}


def test_formats_on_the_command_line_are_those_of_python():
    from potentials.reward_model import FORMATS

    assert tuple(FORMATS) == FORMAT_NAMES


@pytest.mark.parametrize(
    ("strategy", "given", "value"),
    [
        ("beam", {"distinct": "false"}, {"distinct": False}),
        ("mcts", {"exploration": "2"}, {"exploration": 2.0}),
        ("mcts", {"accept": "none"}, {"accept": None}),
        ("beam", {"selection": "majority", "aggregate": "min"},
         {"selection": "majority", "aggregate": "min"}),
        ("particle_filter", {"resampling": "systematic"}, {"resampling": "systematic"}),
    ],
    ids=["bool", "float", "none", "choice", "text"],
)  # fmt: skip
def test_options_are_read(strategy, given, value):
    assert read_options(strategy, given) == value


@pytest.mark.parametrize(
    ("strategy", "given", "message"),
    [
        ("beam", {"distinct": "perhaps"}, "distinct=bool"),
        ("beam", {"width": "2.5"}, "width=int"),
        ("beam", {"kept": "worst"}, "kept=first|best"),
        ("coat", {"memory": "m"}, "Give it in Python"),
        ("majority_vote", {"aggregate": "min"}, "takes none of this name"),
    ],
    ids=["bool", "int", "choice", "object", "idle"],
)
def test_bad_options_are_explained(strategy, given, message):
    with pytest.raises(SettingsError, match=re.escape(message)):
        read_options(strategy, given)


def test_options_reach_the_strategy():
    given = solve_by(token_steps(max_tokens=30), "", reward=Judge(uneven), strategy="beam",
                     budget=6, settings={"width": 2, "aggregate": "min"})  # fmt: skip
    own = beam(token_steps(max_tokens=30), "", Judge(uneven), num_solutions=6, width=2,
               options=Options(aggregate="min"))  # fmt: skip
    assert given == own


# ---- progress, JSON, pages


@pytest.mark.parametrize("name", ["majority_vote", "beam", "mcts", "revisions", "feedback_edit"])
def test_progress_is_told_and_grows(name):
    seen = []
    result = solve_by(MODEL, "", reward=Judge(uneven), strategy=name, budget=6, mark=".",
                      max_tokens=30, watch=seen.append)  # fmt: skip
    tokens = [p.budget.model_tokens for p in seen]
    assert len(seen) > 1 and tokens == sorted(tokens) and tokens[-1] == result.budget.model_tokens
    assert all(0 <= p.finished <= p.solutions for p in seen)


def test_a_result_is_json():
    result = smc.solve(MODEL, "", reward=Judge(uneven), strategy="beam", budget=6, **WORLD)
    record = json.loads(result.to_json())
    assert record["answer"] == result.answer and record["chosen"] == result.chosen
    assert [sum(map(len, s["steps"])) for s in record["solutions"]] == [
        len(t.text) for t in result.trajectories
    ]
    assert record["budget"]["model_tokens"] == result.budget.model_tokens
    unjudged = smc.solve(MODEL, "", budget=3, **WORLD | {"answer": len})
    assert all(s["value"] is None for s in json.loads(unjudged.to_json())["solutions"])


def test_the_page_has_the_tree_of_steps(tmp_path):
    from smc.pages.solution_tree import step_tree

    result = smc.solve(MODEL, "", reward=Judge(uneven), strategy="dvts", budget=8, **WORLD)
    root = step_tree(result)
    for trajectory in (t for r in result.history for t in r.trajectories):
        node = root
        for step, score in zip(trajectory.solution, trajectory.scores, strict=True):
            node = node.children[step]
            assert node.score == score
    chosen = [n for n in root.children.values() if n.answer]
    assert len(chosen) == 1 and chosen[0].text == result.trajectories[result.chosen].solution[0]
    assert root.count == len(result.trajectories)
    result.to_html(tmp_path / "page.html", title="<b>")
    page = (tmp_path / "page.html").read_text()
    assert "<h2>Steps</h2>" in page and "➤" in page and "&lt;b&gt;" in page and "http" not in page


def test_a_page_of_long_solutions_is_cut_and_says_so(tmp_path):
    endless = smc.TableModel.constant({"a.": 1.0}, eos=0.0)
    result = smc.solve(endless, "", budget=1, mark=".", max_tokens=500, answer=None)
    assert len(result.solutions[0]) == 500
    result.to_html(tmp_path / "page.html")
    assert "more steps" in (tmp_path / "page.html").read_text()


# ---- reward models by name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("peiyi9979/math-shepherd-mistral-7b-prm", "MathShepherd"),
        ("RLHFlow/Llama3.1-8B-PRM-Deepseek-Data", "RLHFlow"),
        ("Skywork/Skywork-o1-Open-PRM-Qwen-2.5-7B", "Skywork"),
        ("Qwen/Qwen2.5-Math-PRM-7B", "QwenPRM"),
        ("Qwen/Qwen2.5-Math-7B-PRM800K", "QwenPRM"),
        ("embedded:arithmetic-judge", "MathShepherd"),
    ],
    ids=lambda value: value.rpartition("/")[2],
)
def test_published_models_are_known_by_name(name, kind):
    from potentials.reward_model.known import known_format

    assert type(known_format(name)).__name__ == kind


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [("Qwen2ForProcessRewardModel", "QwenPRM"), ("LlamaForSequenceClassification", "Classifier")],
    ids=["process", "classifier"],
)
def test_others_are_known_by_their_config(tmp_path, architecture, kind):
    from potentials.reward_model.known import known_format

    (tmp_path / "config.json").write_text(json.dumps({"architectures": [architecture]}))
    assert type(known_format(str(tmp_path))).__name__ == kind


def test_what_nothing_tells_is_asked_for(tmp_path):
    with pytest.raises(ModelError, match="Say the format: math-shepherd"):
        smc.load_reward(str(PRM))
    with pytest.raises(ModelError, match=r"config\.json"):
        smc.load_reward(str(tmp_path / "nothing"))
