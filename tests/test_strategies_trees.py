"""Tree search: bounds and backing up by hand, what is shown to whom, and what it reduces to."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from smc.errors import EndpointError, PotentialError, SettingsError
from smc.steps import Extension
from smc.strategies import (
    Options,
    TreePolicy,
    beam,
    best_of_n,
    coat,
    mcts,
    rap,
    tree_of_thoughts,
    tree_search,
)
from smc.strategies.coat import KeywordMemory, with_memories
from smc.strategies.search_tree import Node, back_up, back_up_rewards, close, select_leaf, uct
from smc.strategies.trajectories import Trajectory
from tests.step_worlds import Judge, Script, token_steps, uneven
from tests.writers import ScriptedWriter, in_turn

SEEDS = range(6)


def world(**changes):
    return token_steps(max_tokens=100, **changes)


def node(*scores: float, parent: Node | None = None, value: float = 0.0) -> Node:
    made = Node(Trajectory(("x",) * len(scores), scores), parent, value)
    if parent is not None:
        parent.children.append(made)
    return made


# ---- the tree


def test_bounds_by_hand():
    root = node()
    good, poor = node(0.9, parent=root), node(0.1, parent=root)
    deep = node(0.9, 0.5, parent=good)
    for leaf, value in ((good, 0.9), (poor, 0.1), (deep, 0.5)):
        back_up(leaf, value)
    assert (root.visits, good.visits, poor.visits, deep.visits) == (3, 2, 1, 1)
    assert uct(good, 1.0) == pytest.approx(0.7 + math.sqrt(math.log(3) / 2))
    assert uct(poor, 1.0) == pytest.approx(0.1 + math.sqrt(math.log(3) / 1))
    assert uct(deep, 2.0) == pytest.approx(0.5 + 2 * math.sqrt(math.log(2) / 1))
    assert uct(good, 0.0, estimate_max=True) == 0.9
    assert select_leaf(root, 1.0) is deep  # 1.441 beats 1.148
    assert select_leaf(root, 2.0) is poor  # 2.196 beats 2.182


def test_a_child_that_was_not_visited_is_first():
    root = node()
    seen, new, newer = (node(s, parent=root) for s in (0.9, 0.0, 0.5))
    back_up(seen, 1.0)
    assert uct(new, 0.0) == math.inf
    assert select_leaf(root, 0.0) is new
    close(new)
    assert select_leaf(root, 0.0) is newer
    close(newer)
    assert select_leaf(root, 0.0) is seen and not root.closed
    close(seen)
    assert root.closed


def test_rewards_are_backed_up_from_each_step_on():
    root = node()
    first = node(0.2, parent=root)
    second = node(0.2, 0.4, parent=first)
    third = node(0.2, 0.4, 0.9, parent=second)
    back_up_rewards(third)
    assert third.returns == [0.9] and second.returns == [pytest.approx(0.65)]
    assert first.returns == root.returns == [pytest.approx(0.5)]


# ---- searches


def digits(depth: int) -> Script:
    """Steps of one digit; a text ends at a depth."""
    return Script(lambda s, u: Extension(str(int(u * 10)), len(s) + 1 == depth, 1))


def by_digits(text: str) -> float:
    return sum(map(int, text)) / (10 * len(text))


@pytest.mark.parametrize("seed", SEEDS)
def test_one_rollout_at_depth_one_is_best_of_n(seed):
    options = Options(seed=seed, max_steps=1)
    searched = mcts(world(), "", Judge(uneven), num_solutions=1, width=6, options=options)
    sampled = best_of_n(world(), "", Judge(uneven), num_solutions=6, options=options)
    assert searched.text == sampled.text and searched.budget == sampled.budget


@pytest.mark.parametrize("seed", SEEDS)
def test_without_a_memory_coat_is_mcts(seed):
    how = {"num_solutions": 7, "width": 3, "options": Options(seed=seed)}
    plain = mcts(world(), "", Judge(uneven), **how)
    assert coat(world(), "", Judge(uneven), beta=0.7, **how) == plain
    empty = coat(world(), "", Judge(uneven), memory=KeywordMemory([]), beta=0.7, **how)
    assert empty == plain
    none = coat(world(), "", Judge(uneven), memory=in_turn(*[""] * 99), beta=0.7, **how)
    assert none.trajectories == plain.trajectories and none.history == plain.history


@pytest.mark.parametrize("seed", SEEDS)
def test_thoughts_are_a_beam_that_keeps_the_best(seed):
    options = Options(seed=seed, selection="best")
    how = {"num_solutions": 6, "width": 3, "options": options}
    thoughts = tree_of_thoughts(world(), "", Judge(uneven), **how)
    assert thoughts == beam(world(), "", Judge(uneven), completed="occupy", kept="best", **how)


@pytest.mark.parametrize("strategy", [mcts, rap])
def test_more_rollouts_begin_with_the_fewer(strategy):
    few = strategy(digits(4), "", Judge(by_digits), num_solutions=3, width=2)
    more = strategy(digits(4), "", Judge(by_digits), num_solutions=9, width=2)
    # The last round of a search that found no end draws its best leaf to one.
    same = len(few.history) - (strategy is mcts)
    assert few.history[:same] == more.history[:same] and same >= 3
    assert len(more.history) > len(few.history)


def test_visits_add_up():
    """All returns of a node came from below, or from its own evaluation, which is one."""
    roots: list[Node] = []

    class Watch:
        def prompt(self, node):
            roots[:] = [list(node.line())[-1]]
            return ""

        def associate(self, nodes):
            pass

    tree_search(
        digits(6), "", Judge(by_digits), num_solutions=25, policy=TreePolicy(3),
        associations=Watch(),
    )  # fmt: skip
    (root,) = roots
    assert root.visits == 25 == sum(c.visits for c in root.children)
    waiting = list(root.children)
    while waiting:
        one = waiting.pop()
        assert one.visits - sum(c.visits for c in one.children) in (0, 1)
        waiting += one.children


def test_the_search_goes_where_the_values_are():
    """A first digit of 9 is worth everything; without exploration nothing else is expanded."""

    def value(text: str) -> float:
        return 0.9 if text[0] == "9" else 0.1

    model = digits(5)
    mcts(model, "", Judge(value), num_solutions=30, width=10, exploration=0.1)
    begun = [call[0] for call in model.calls if call[0]]
    nines = sum(solution[0] == "9" for solution in begun)
    assert nines > 0 and nines > len(begun) / 2


def test_solutions_are_drawn_to_their_ends_at_the_depth_limit():
    model = digits(9)
    result = mcts(
        model, "", Judge(by_digits), num_solutions=12, width=2, options=Options(max_steps=2)
    )
    assert all(result.finished) and all(len(t.text) == 9 for t in result.trajectories)
    assert max(len(call[0]) for call in model.calls) == 8


def test_a_search_that_found_no_end_draws_its_best_leaf_to_one():
    result = mcts(digits(7), "", Judge(by_digits), num_solutions=2, width=3)
    (one,) = result.trajectories
    best = max((t for r in result.history[:-1] for t in r.trajectories), key=lambda t: t.value)
    assert one.finished and one.text.startswith(best.text) and result.answer == one.text


def test_a_solution_that_is_accepted_ends_the_search():
    model = digits(2)
    judge = Judge(lambda text: 0.5)
    few = mcts(model, "", judge, num_solutions=50, width=2, accept=0.5)
    assert len(few.history) == 2, "the root, and the node under which the first end is"
    all_of_it = mcts(digits(2), "", judge, num_solutions=50, width=2, accept=0.6)
    assert len(all_of_it.history) > 2


def test_a_tree_that_is_used_up_ends_the_search():
    model = Script(lambda s, u: Extension("a" if u < 0.5 else "b", len(s) == 1, 1))
    result = mcts(model, "", Judge(uneven), num_solutions=1000, width=8)
    assert {t.text for t in result.trajectories} == {"aa", "ab", "ba", "bb"}
    assert result.budget.model_tokens == 3 * 8


def test_equal_steps_count_once():
    model = Script(lambda s, u: Extension("a", len(s) == 3, 1))
    result = mcts(model, "", Judge(uneven), num_solutions=9, width=5)
    assert [t.text for t in result.trajectories] == ["aaaa"]
    assert all(len(r.trajectories) == 1 for r in result.history)


def test_a_rollout_by_sampling_is_worth_its_end():
    """Nothing but whole texts can be judged: first steps look alike."""

    def value(text: str) -> float:
        return (0.9 if text[0] < "5" else 0.2) if len(text) == 4 else 0.5

    result = mcts(digits(4), "", Judge(value), num_solutions=20, width=4, rollout="sample")
    ends = [t for t in result.trajectories if len(t.text) == 4]
    assert len(ends) >= 20 - 4 and result.text is not None and result.text[0] < "5"


def test_rap_rolls_out_to_an_end_and_takes_the_best_step():
    model = digits(3)
    result = rap(model, "", Judge(by_digits), num_solutions=1, width=4)
    assert [len(r.trajectories[0].solution) for r in result.history] == [1, 2, 3]
    for before, after in pairwise(result.history):
        taken = before.trajectories[before.chosen[0]]
        assert taken.value == max(t.value for t in before.trajectories)
        assert all(t.solution[:-1] == taken.solution for t in after.trajectories)
    assert result.text is not None and result.text in {t.text for t in result.trajectories}


def test_a_branch_that_fails_is_left_and_told():
    def reply(solution, uniform):
        if solution == ("bad",):
            return Extension("", False, 0, error=EndpointError("it is down"))
        if not solution:
            return Extension("bad" if uniform < 0.5 else "good", False, 1)
        return Extension("!", True, 1)

    judge = Judge(lambda text: 0.9 if text == "bad" else 0.3)
    result = mcts(Script(reply), "", judge, num_solutions=20, width=6)
    assert result.text == "good!" and result.errors == ("it is down",)


# ---- associations


def telling(script: Script, seen: list[str]) -> Script:
    extend = script.extend

    def told(prompt, solutions, **options):
        seen.append(prompt)
        return extend(prompt, solutions, **options)

    script.extend = told  # type: ignore[method-assign]
    return script


class Numbered:
    """Recalls which text it was asked about."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def recall(self, question: str, content: str) -> str:
        self.asked.append((question, content))
        return f"fact {content}"


def test_a_node_sees_the_memories_of_its_line_in_order_and_no_others():
    seen: list[str] = []
    memory = Numbered()
    model = telling(digits(4), seen)
    result = coat(model, "Q", Judge(by_digits), num_solutions=12, width=2, memory=memory)
    assert seen[0] == "Q"
    for prompt, call in zip(seen, model.calls, strict=True):
        text = "".join(call[0])
        facts = [f"- fact {text[: i + 1]}" for i in range(len(text))]
        expected = "\n".join(["Known facts:", *facts, "", "Q"]) if text else "Q"
        assert prompt == expected
    assert all(question == "Q" for question, _ in memory.asked)
    assert len(result.history) > 8


def test_memories_add_their_relevance_to_the_value():
    def choose(relevance, beta):
        result = coat(
            digits(3), "", Judge(lambda text: 0.5), num_solutions=1, width=8, beta=beta,
            memory=Numbered(), relevance=relevance, options=Options(seed=2),
        )  # fmt: skip
        first = result.history[0]
        return first.trajectories[first.chosen[0]].text, [t.text for t in first.trajectories]

    picked, texts = choose(lambda content, memory: int(content) / 9, 0.1)
    assert picked == max(texts) and len(set(texts)) > 2
    picked, texts = choose(lambda content, memory: int(content) / 9, 0.0)
    assert picked == texts[0]


def test_a_writer_is_asked_for_facts_and_counted():
    writer = ScriptedWriter(lambda prompt, uniform: " ".join(["a fact", f"{uniform:.3f}"]))
    plain = mcts(digits(3), "Q", Judge(by_digits), num_solutions=4, width=2)
    model = digits(3)
    result = coat(model, "Q", Judge(by_digits), num_solutions=4, width=2, memory=writer)
    assert [c.role for c in result.calls] == ["association"] * len(writer.prompts)
    assert all("Question:\nQ" in p for p in writer.prompts)
    assert result.budget.model_tokens - 12 * len(result.calls) == sum(
        t.num_tokens - (len(t.solution) - 1) for r in result.history for t in r.trajectories
    )
    assert result.budget.model_passes == model.passes + writer.passes
    assert plain.calls == ()


def test_a_memory_that_fails_is_no_memory():
    class Down:
        def recall(self, question, content):
            raise EndpointError("the store is down")

    how = {"num_solutions": 5, "width": 2}
    plain = mcts(digits(3), "", Judge(by_digits), **how)
    result = coat(digits(3), "", Judge(by_digits), memory=Down(), **how)
    assert result.trajectories == plain.trajectories
    assert result.errors == ("the store is down",)
    writer = ScriptedWriter(lambda p, u: EndpointError("the writer is down"))
    result = coat(digits(3), "", Judge(by_digits), memory=writer, **how)
    assert result.trajectories == plain.trajectories
    assert result.errors == ("the writer is down",)


def test_facts_are_recalled_by_the_words_they_share():
    memory = KeywordMemory(["Paris is in France.", "Rome lies in Italy.", "Nice is in France."], 2)
    assert memory.recall("Which is in France?", "") == "Paris is in France. Nice is in France."
    assert memory.recall("Is Rome old?", "Rome lies in Italy.") == ""
    assert memory.recall("2 + 2", "") == ""


def test_facts_stand_before_the_question():
    chat = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
    told = with_memories(chat, ["one", "two"])
    assert told == [chat[0], {"role": "user", "content": "Known facts:\n- one\n- two\n\nu"}]
    assert with_memories(chat, []) is chat
    with pytest.raises(SettingsError, match="token ids"):
        with_memories([1, 2], ["one"])


@pytest.mark.parametrize("wrong", [2, -0.1, math.nan, None, True, "1"])
def test_a_relevance_that_is_none_is_named(wrong):
    with pytest.raises(PotentialError, match="relevance"):
        coat(digits(3), "", Judge(by_digits), memory=Numbered(), relevance=lambda c, m: wrong)


@pytest.mark.parametrize(
    ("strategy", "changes"),
    [
        (mcts, {"width": 0}),
        (mcts, {"exploration": -1.0}),
        (mcts, {"exploration": math.inf}),
        (mcts, {"rollout": "random"}),
        (mcts, {"num_solutions": 0}),
        (coat, {"beta": -0.1}),
        (coat, {"beta": math.nan}),
        (tree_of_thoughts, {"num_solutions": 7}),
    ],
    ids=str,
)
def test_bad_settings_are_refused(strategy, changes):
    with pytest.raises(SettingsError):
        strategy(world(), "", Judge(uneven), **changes)
