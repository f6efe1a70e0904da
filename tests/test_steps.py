"""Steps of a token model: exact, whatever the batch, the cache and the constraints."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest

import smc
import smc.strategies
from potentials.boundaries import after, every
from smc.backends.transformers import TransformersModel
from smc.errors import PromptError, SettingsError
from smc.steps import Budget, Solution, TokenText, cut
from smc.steps.token_rows import TokenRows
from smc.steps.token_steps import TokenSteps
from tests.exact import MODEL as SMALL
from tests.exact import Alternation, Judge, NoTripleA, SoftLength, target, z_scores
from tests.models import byte_level_tokenizer, tiny_model
from tests.step_worlds import MARK, MODEL, VOCABULARY, rngs, texts, token_steps

Z = 4.0


def drawn_to_the_end(model, prompt, generators, **changes) -> list[tuple[Solution, float, bool]]:
    """Draw solutions step by step; return steps, log weight, and whether each came to its end."""
    drawn: list[tuple[Solution, float, bool]] = [((), 0.0, False)] * len(generators)
    live = list(range(len(generators)))
    while live:
        extensions = model.extend(
            prompt, [drawn[i][0] for i in live], rngs=[generators[i] for i in live], **changes
        )
        left = []
        for i, extension in zip(live, extensions, strict=True):
            steps, log_weight, _ = drawn[i]
            step = (extension.step,) if extension.step else ()
            drawn[i] = (*steps, *step), log_weight + extension.log_weight, extension.finished
            over = extension.finished or extension.truncated or drawn[i][1] == -math.inf
            left += [] if over else [i]
        live = left
    return drawn


def test_solutions_have_the_models_distribution():
    runs = 6000
    solutions = drawn_to_the_end(token_steps(), "", rngs(31, runs))
    expected = texts()
    counts = {key: 0 for key in expected}
    for steps, log_weight, finished in solutions:
        assert log_weight == 0
        if finished:
            counts[steps, "".join(steps)] += 1  # a KeyError is a text that the model has not
    probs = np.array(list(expected.values()))
    seen = np.array(list(counts.values())) / runs
    keep = probs * runs >= 25
    z = (seen - probs) / np.sqrt(probs * (1 - probs) / runs)
    assert np.abs(z[keep]).max() < Z
    assert keep.sum() > 20


def test_a_solution_does_not_depend_on_its_neighbours():
    together = drawn_to_the_end(token_steps(), "", rngs(3, 6))
    alone = [drawn_to_the_end(token_steps(), "", [g])[0] for g in rngs(3, 6)]
    assert together == alone


def drawn_without_waiting(model, prompt, generators) -> list[tuple[Solution, float, bool]]:
    """As `drawn_to_the_end`, in one call; nothing comes behind a solution's last step."""
    drawn: list[tuple[Solution, float, bool]] = [((), 0.0, False)] * len(generators)
    over: set[int] = set()
    nothing = [()] * len(generators)
    for ended in model.extend_to_end(prompt, nothing, rngs=generators):
        for i, extension in ended:
            assert i not in over
            steps, log_weight, _ = drawn[i]
            step = (extension.step,) if extension.step else ()
            drawn[i] = (*steps, *step), log_weight + extension.log_weight, extension.finished
            if extension.finished or extension.truncated or drawn[i][1] == -math.inf:
                over.add(i)
    assert len(over) == len(generators)
    return drawn


@pytest.mark.parametrize("boundary", [after("b"), every(2)], ids=["marks", "tokens"])
@pytest.mark.parametrize("constrained", [False, True], ids=["free", "constrained"])
def test_solutions_that_do_not_wait_for_each_other_are_the_same(boundary, constrained):
    factors = [NoTripleA(), Alternation(), Judge()] if constrained else []
    model = TokenSteps(SMALL, boundary, factors, max_tokens=6)
    apart = drawn_without_waiting(model, "", rngs(41, 60))
    assert apart == drawn_to_the_end(model, "", rngs(41, 60))
    assert len({len(steps) for steps, _, _ in apart}) > 1
    assert any(w == -math.inf for _, w, _ in apart) == constrained
    assert any(not finished for _, _, finished in apart)


def test_samples_take_as_many_batches_as_the_longest_has_tokens(monkeypatch):
    """Step by step they take more: of each step the longest."""
    batches = 0
    advance = TokenRows.advance

    def counted(self: TokenRows, wanted: Sequence[tuple[int, ...]]) -> None:
        nonlocal batches
        batches += 1
        advance(self, wanted)

    monkeypatch.setattr(TokenRows, "advance", counted)
    model = TokenSteps(SMALL, after("b"), max_tokens=12)
    result = smc.strategies.majority_vote(
        model, "", num_solutions=12, options=smc.strategies.Options(seed=5)
    )
    longest = max(t.num_tokens for t in result.trajectories)
    assert batches == longest - 1  # nothing is run behind the last
    batches = 0
    drawn_to_the_end(TokenSteps(SMALL, after("b"), max_tokens=12), "", rngs(5, 12))
    assert batches > longest


def test_steps_end_at_the_mark():
    for steps, _, finished in drawn_to_the_end(token_steps(), "", rngs(4, 50)):
        assert all(s.count(".") == 1 and s.endswith(".") for s in steps[:-1])
        assert finished or len("".join(steps)) >= 4


def test_equal_prefixes_share_a_row():
    model = token_steps()
    extensions = model.extend("", [()] * 50, rngs=rngs(5, 50))
    tokens = [e.step.tokens for e in extensions]
    rows = {t[:k] for t in tokens for k in range(1, len(t))}
    assert model.passes == 1 + len(rows)
    assert sum(e.num_tokens for e in extensions) > 50 > model.passes


def test_the_same_text_in_other_tokens_goes_on_in_its_own_way():
    one = TokenText.of("a.", (3,), ("a.",))
    two = TokenText.of("a.", (0, 2), ("a", "."))
    runs = 4000
    for step, ids in ((one, (3,)), (two, (0, 2))):
        extensions = token_steps().extend("", [(step,)] * runs, rngs=rngs(6, runs))
        ended = np.mean([e.finished and not e.step for e in extensions])
        p = MODEL.next_probs(ids)[4]
        assert abs(ended - p) < Z * math.sqrt(p * (1 - p) / runs)
    assert abs(MODEL.next_probs((3,))[4] - MODEL.next_probs((0, 2))[4]) > 0.05


def test_a_solution_that_was_not_drawn_here_is_read_by_its_longest_tokens():
    model = token_steps()
    (extension,) = model.extend("", [("a.",)], rngs=rngs(7, 1))
    drawn = TokenText.of("a.", (3,), ("a.",))
    (again,) = token_steps().extend("", [(drawn,)], rngs=rngs(7, 1))
    assert extension == again
    with pytest.raises(PromptError, match="no token"):
        model.extend("", [("z",)], rngs=rngs(7, 1))


@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("boundary", [after("b"), every(2)], ids=["marks", "tokens"])
def test_constrained_steps_are_weighted_to_the_target(boundary, temperature):
    """E[w · 1{text}] = γ(text): masks, scores and judges, at the end of steps and of the text."""
    factors = [NoTripleA(), SoftLength(), Alternation(), Judge()]
    runs = 6000
    model = TokenSteps(SMALL, boundary, factors, max_tokens=4, temperature=temperature)
    solutions = drawn_to_the_end(model, "", rngs(8, runs))
    if temperature == 1:
        table = SMALL
    else:
        powered = smc.TableModel(
            SMALL.vocabulary,
            lambda p: tuple((q := np.array(SMALL.next_probs(p)) ** (1 / temperature)) / q.sum()),
        )
        table = powered
    gamma = target(factors, model=table, max_tokens=4)
    index = {text: i for i, text in enumerate(gamma)}
    values = np.zeros((runs, len(gamma)))
    for r, (steps, log_weight, finished) in enumerate(solutions):
        if finished and log_weight > -math.inf:
            values[r, index["".join(steps)]] = math.exp(log_weight)
    hits = (values > 0).sum(axis=0)
    z = z_scores(values[:, hits >= 25], np.array(list(gamma.values()))[hits >= 25])
    assert np.abs(z).max() < Z
    assert (hits >= 25).sum() > 8


def test_greedy_takes_the_most_probable_token():
    (extension,) = token_steps().extend("", [()], rngs=rngs(0, 1), temperature=0)
    ids: tuple[int, ...] = ()
    while not ids or ids[-1] not in (2, 3, 4):
        ids = (*ids, int(np.argmax(MODEL.next_probs(ids))))
    assert extension.step.tokens == ids


def test_a_step_that_reaches_its_most_tokens_is_gone_on_from():
    model = token_steps(max_step_tokens=1)
    cut_up = drawn_to_the_end(model, "", rngs(9, 40))
    whole = drawn_to_the_end(token_steps(), "", rngs(9, 40))
    assert [("".join(s), f) for s, _, f in cut_up] == [("".join(s), f) for s, _, f in whole]
    assert sum(len(s) for s, _, _ in cut_up) > sum(len(s) for s, _, _ in whole)


def test_a_text_without_room_for_its_end_is_truncated():
    extensions = token_steps(max_tokens=1).extend("", [()] * 20, rngs=rngs(10, 20))
    assert all(e.truncated and not e.finished for e in extensions)


@pytest.fixture(scope="module")
def tiny():
    tokenizer = byte_level_tokenizer()
    return TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)


def test_the_cache_that_steps_leave_gives_what_a_fresh_one_gives(tiny):
    """Rows forked, held, dropped and caught up with; a fresh model has none of that behind it."""

    def model():
        return TokenSteps(tiny, every(3), max_tokens=40)

    kept = model()
    first = kept.extend("the cat", [()] * 4, rngs=rngs(1, 4))
    chosen = [(first[1].step,), (first[3].step,), (first[1].step,)]
    second = kept.extend("the cat", chosen, rngs=rngs(2, 3), keep=chosen[:1])
    rollout = kept.extend(
        "the cat", [(*chosen[0], second[0].step)], rngs=rngs(3, 1), keep=chosen[:1]
    )
    back = kept.extend("the cat", [chosen[0], ()], rngs=rngs(4, 2))
    assert [e.step for e in second] == [
        e.step for e in model().extend("the cat", chosen, rngs=rngs(2, 3))
    ]
    assert [e.step for e in rollout] == [
        e.step for e in model().extend("the cat", [(*chosen[0], second[0].step)], rngs=rngs(3, 1))
    ]
    assert [e.step for e in back] == [
        e.step for e in model().extend("the cat", [chosen[0], ()], rngs=rngs(4, 2))
    ]


def test_going_on_costs_no_second_prefill(tiny):
    model = TokenSteps(tiny, every(3), max_tokens=40)
    (first,) = model.extend("the cat", [()], rngs=rngs(1, 1))
    assert model.passes == 3  # the prompt, and two tokens: the third is run when it is needed
    model.extend("the cat", [(first.step,)], rngs=rngs(2, 1))
    assert model.passes == 6


def test_another_prompt_starts_anew(tiny):
    model = TokenSteps(tiny, every(2), max_tokens=20)
    model.extend("the cat", [()], rngs=rngs(1, 1))
    (extension,) = model.extend("one two", [()], rngs=rngs(1, 1))
    fresh = TokenSteps(tiny, every(2), max_tokens=20)
    assert fresh.extend("one two", [()], rngs=rngs(1, 1)) == [extension]


def test_a_dead_end_is_a_weight_of_zero():
    class Nothing(smc.Potential):
        def prefix(self, text: str) -> float:
            return -math.inf if text else 0.0

    model = TokenSteps(MODEL, MARK, [Nothing()], max_tokens=4)
    assert all(e.log_weight == -math.inf for e in model.extend("", [()] * 5, rngs=rngs(1, 5)))


@pytest.mark.parametrize(
    "changes", [{"max_step_tokens": 0}, {"max_tokens": True}, {"temperature": -1.0}], ids=str
)
def test_bad_settings_are_refused(changes):
    with pytest.raises(SettingsError):
        TokenSteps(MODEL, MARK, **changes)
    with pytest.raises(SettingsError, match="boundary"):
        TokenSteps(MODEL, "\n\n")  # type: ignore[arg-type]


def test_a_step_is_cut_between_its_tokens():
    step = TokenText.of("aa.b", (0, 3, 1), ("a", "a.", "b"))
    assert cut(step, 3) == ("aa.",)
    assert cut(step, 3)[0].tokens == (0, 3)
    assert cut(step, 2) == ("a", "a")
    assert cut(step, 0) == ()
    assert cut("abc", 2) == ("ab",)


def test_budgets_add():
    assert Budget(1, 2, 3, 4) + Budget(10, 20, 30, 40) == Budget(11, 22, 33, 44)


def test_the_vocabulary_of_the_world_has_two_ways_to_write_a_step():
    assert VOCABULARY.tokens[3] == b"a."


@pytest.mark.parametrize("eos", [0.2, 0.9, 1.0])
def test_what_a_run_costs_does_not_depend_on_those_before_it(eos):
    """Texts that end at once leave the prompt's row behind them."""
    table = smc.TableModel.constant({"a": (1 - eos) / 2, ".": (1 - eos) / 2}, eos=eos)
    model = TokenSteps(table, after("."), max_tokens=9)
    spent = []
    for _ in range(4):
        before = model.passes
        drawn_to_the_end(model, "", rngs(3, 5))
        spent.append(model.passes - before)
    assert spent == [spent[0]] * 4 and spent[0] >= 1
