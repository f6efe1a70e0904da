"""What a run costs does not depend on what judges remember from the runs before it."""

import pytest

import smc
from domains.arithmetic.task import PRM
from potentials.reward_model import FunctionReward, load_reward_model
from smc.steps.token_steps import TokenSteps
from smc.strategies import STRATEGIES, Options
from smc.strategies.likelihood_judge import LikelihoodJudge
from smc.strategies.llm_judge import LLMJudge
from smc.strategies.solve import MarkBoundary, solve
from smc.strategies.writing import Template
from tests.step_worlds import MODEL, Judge, uneven
from tests.writers import ScriptedWriter

LETTERS = smc.TableModel.constant({"a": 0.4, "b": 0.2, "\n": 0.1, "Yes": 0.1, "No": 0.05}, eos=0.15)


def function_reward():
    return FunctionReward(lambda prompt, steps: [0.2 + 0.6 * ("a" in s) for s in steps])


def rating():
    return LLMJudge(ScriptedWriter(lambda prompt, uniform: str(int(uniform * 10))))


SHORT = Template("{question}{solution}", fields=("question", "solution"))
JUDGES = {
    "function": function_reward,
    "rating": rating,
    "likelihood": lambda: LikelihoodJudge(LETTERS, template=SHORT, cue=""),
}


@pytest.mark.parametrize(
    ("name", "judge"),
    [(name, "function") for name in sorted(STRATEGIES)]
    + [(name, judge) for name in ("beam", "tpo") for judge in ("rating", "likelihood")],
)
def test_a_second_run_costs_what_the_first_did(name, judge):
    reward = JUDGES[judge]()
    budget = 12 if name == "backtracking" else 4  # a few texts in the first of its rounds, too
    how = {"budget": budget, "mark": "\n", "max_tokens": 9, "seed": 2}
    runs = [solve(LETTERS, "", reward=reward, strategy=name, **how) for _ in range(2)]
    assert runs[0] == runs[1]
    assert (runs[0].budget.reward_passes > 0) is (name != "majority_vote")


def test_runs_with_a_shared_judge_cost_what_they_cost_alone():
    shared = rating()
    for name in ("best_of_n", "beam", "particle_filter"):
        own = solve(MODEL, "", reward=rating(), strategy=name, budget=8, mark=".", max_tokens=30)
        again = solve(MODEL, "", reward=shared, strategy=name, budget=8, mark=".", max_tokens=30)
        assert again.budget == own.budget
    assert shared.passes > own.budget.reward_passes  # the judge's own counts go on


def test_within_a_run_nothing_is_judged_twice():
    reward = function_reward()
    result = solve(
        LETTERS, "", reward=reward, strategy="particle_filter", budget=8, mark="\n", max_tokens=20
    )
    judged = {t.solution for r in result.history for t in r.trajectories if t.solution}
    assert result.budget.reward_passes <= len(judged)


def test_a_reward_model_forgets_its_keys_and_values():
    steps = TokenSteps(smc.load("domains/arithmetic/model"), MarkBoundary("\n"), max_tokens=60)
    reward = load_reward_model(str(PRM), "math-shepherd", device="cpu")
    budgets = [
        STRATEGIES["beam"](
            steps, "a=7+5;b=a*3;b?\n", reward, num_solutions=4, options=Options(seed=1)
        ).budget
        for _ in range(2)
    ]
    assert budgets[0] == budgets[1] and budgets[0].reward_tokens > 0


def test_a_judge_that_cannot_forget_is_counted_as_it_counts():
    judge = Judge(uneven)
    solve(MODEL, "", reward=judge, budget=4, mark=".", max_tokens=30)
    before = judge.passes
    result = solve(MODEL, "", reward=judge, budget=4, mark=".", max_tokens=30)
    assert result.budget.reward_passes == judge.passes - before
