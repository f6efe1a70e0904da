"""Depth as what strategies spend: another network at the same weights, paid for by its layers."""

from __future__ import annotations

import numpy as np
import pytest

import smc
from smc.backends.table import TableModel
from smc.depth import depth_cost, with_depth
from smc.errors import SettingsError
from smc.steps import Extension
from smc.steps.token_steps import TokenSteps
from smc.strategies import STRATEGIES
from smc.strategies.calibration import CalibrationProblem, calibrate
from smc.strategies.compute_optimal import ComputeOptimal, Plan
from smc.strategies.options import Options
from smc.strategies.own_options import own_options
from smc.strategies.solve import WRITING, MarkBoundary, plan_of, solve
from tests.backends.depth_models import recurrent
from tests.models import byte_level_tokenizer


@pytest.fixture(scope="module")
def model():
    tokenizer = byte_level_tokenizer()
    network = recurrent(vocab_size=len(tokenizer))
    return smc.TransformersModel(network, tokenizer, eos_ids=[0])


def steps_of(model):
    return TokenSteps(model, MarkBoundary("e"), max_tokens=8)


class Lengths:
    """A judge of lengths."""

    passes = tokens = 0

    def scores(self, prompt, solutions):
        return [tuple(1 / (1 + len(step)) for step in s) for s in solutions]


def test_a_loaded_model_has_depths(model):
    deep = smc.with_depth(model, 9)
    assert isinstance(deep, smc.TransformersModel)
    assert deep is with_depth(model, 9), "what it has read of prompts is kept"
    assert (model.layer_passes, deep.layer_passes) == (3 + 3 * 2, 3 + 9 * 2)
    assert depth_cost(model, 9) == pytest.approx(21 / 9)
    rows = [m.start(["the cat"], m.vocabulary, 3).log_probs() for m in (model, deep)]
    finite = np.isfinite(rows[0])
    assert np.abs(rows[0][finite] - rows[1][finite]).max() > 0.01
    hot = deep.with_sampling(temperature=2.0)
    assert hot.layer_passes == deep.layer_passes


def test_depth_is_an_option_of_loading(tmp_path, model):
    model.model.save_pretrained(tmp_path)
    model.tokenizer.save_pretrained(tmp_path)
    loaded = smc.load(str(tmp_path), device="cpu", depth=5, eos_ids=[0])
    assert loaded.layer_passes == 3 + 5 * 2
    with pytest.raises(SettingsError, match=r"depth.*'vllm'"):
        smc.load(str(tmp_path), backend="vllm", depth=5)  # pyright: ignore


@pytest.mark.parametrize("fixed", ["table", "llama"])
def test_models_of_one_depth_say_so(fixed):
    from tests.models import tiny_model

    tokenizer = byte_level_tokenizer()
    made = {
        "table": lambda: TableModel.constant({"a": 0.5}, eos=0.5),
        "llama": lambda: smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer),
    }[fixed]()
    with pytest.raises(SettingsError, match="depth of its own"):
        with_depth(made, 4)
    with pytest.raises(SettingsError, match="depth of its own"):
        solve(made, "a", budget=1, max_tokens=3, settings={"depth": 4})


@pytest.mark.parametrize("name", [n for n in STRATEGIES if n not in WRITING])
def test_every_strategy_over_steps_thinks_as_deep_as_it_is_told(model, name):
    """At a depth it does what it does with a model of that depth, and else what it did."""
    given = {"reward": Lengths(), "strategy": name, "budget": 4, "max_tokens": 8, "mark": "e"}
    told = solve(model, "the cat", **given, settings={"depth": 7})
    deep = solve(with_depth(model, 7), "the cat", **given)
    own = solve(model, "the cat", **given)
    assert (told.solutions, told.budget) == (deep.solutions, deep.budget)
    assert told.solutions != own.solutions


def test_depth_stands_among_the_options_that_are_listed():
    assert "depth" in own_options("beam") and "depth" in own_options("majority_vote")
    assert all("depth" not in own_options(name) for name in WRITING)
    assert own_options("beam")["depth"].read("16") == 16


def test_plans_pay_for_layers(model):
    steps = steps_of(model)
    plan = plan_of("best_of_n", 4, {"depth": 12})
    assert plan == Plan("best_of_n", 4, (("depth", 12),))
    assert plan.token_cost(steps) == pytest.approx((3 + 12 * 2) / 9)
    assert Plan("best_of_n", 4).token_cost(steps) == 1.0
    result = plan.run(steps, "the cat", Lengths(), Options(seed=3))
    deep = Plan("best_of_n", 4).run(steps.with_depth(12), "the cat", Lengths(), Options(seed=3))
    assert result.solutions == deep.solutions


class Thinker:
    """A step model that is right from twelve iterations on; each answer has ten tokens."""

    def __init__(self, depth=4):
        self.depth, self.layer_passes, self.passes = depth, 3 + 2 * depth, 0

    def with_depth(self, depth):
        return Thinker(depth)

    def extend(self, prompt, solutions, *, rngs, temperature=None, max_tokens=None, keep=()):
        text = "right" if self.depth >= 12 else "wrong"
        return [Extension(text, True, 10) for _ in solutions]


def test_the_choice_spends_tokens_times_depth(tmp_path):
    """What is deep is right, and is chosen as soon as the budget has room for its layers."""
    problems = [CalibrationProblem(i, i, lambda answer: answer == "right") for i in ("a", "b")]
    plans = [
        Plan("majority_vote", 1),
        Plan("majority_vote", 2),
        Plan("majority_vote", 1, (("depth", 12),)),
    ]
    found = calibrate(
        Thinker(),
        problems,
        Lengths(),
        plans=plans,
        sizes=[1, 2, 3],
        model_name="m",
        reward_name="r",
        num_samples=4,
        bins=1,
    )
    tokens = {t.plan: t.tokens for t in found.trials}
    assert tokens == {plans[0]: 10, plans[1]: 20, plans[2]: pytest.approx(10 * 27 / 11)}
    chosen = [found.choice.choices[0, budget].plan for budget in found.choice.budgets]
    assert chosen == [plans[0], plans[0], plans[2]]
    found.choice.save(tmp_path / "choice.json")
    loaded = ComputeOptimal.load(tmp_path / "choice.json")
    run = loaded.run(Thinker(), "a", Lengths(), difficulty=0.0, budget=1e9)
    assert run.answer == "right" and run.budget.model_tokens == 10
