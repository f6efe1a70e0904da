"""Runs that share a model in lockstep: what each draws alone, in fewer and larger batches."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.lockstep import Lockstep, LockstepModel, LockstepScorer
from potentials.boundaries import after
from smc.backends.table import TableModel
from smc.model import DrawRequest, pack_mask
from smc.steps.token_steps import TokenSteps
from smc.strategies import Options, majority_vote, particle_filter
from tests.exact import MODEL, Alternation, NoTripleA
from tests.step_worlds import Judge, uneven


class Counted:
    """A table whose decodings say how many rows were drawn from together."""

    def __init__(self, model: TableModel = MODEL) -> None:
        self._model = model
        self.drawn: list[int] = []

    @property
    def vocabulary(self):
        return self._model.vocabulary

    def start(self, prompts, vocabulary, max_tokens):
        decoding = self._model.start(prompts, vocabulary, max_tokens)
        draw = decoding.draw

        def counted(request: DrawRequest):
            self.drawn.append(len(request.rows))
            return draw(request)

        decoding.draw = counted  # type: ignore[method-assign]
        return decoding


def searches(model, scorer_of, factors):
    """Runs of several strategies, temperatures and lengths, each on a step model of its own."""

    def one(seed: int):
        steps = TokenSteps(model, after("b"), factors if seed % 2 else (), max_tokens=5 + seed)
        options = Options(seed=seed, temperature=(1.0, 0.6)[seed % 2])
        votes = majority_vote(steps, "", num_solutions=4, options=options)
        kept = particle_filter(steps, "", scorer_of(seed), num_solutions=4, options=options)
        return [t.solution for r in (votes, kept) for t in r.trajectories], kept.budget

    return [lambda seed=seed: one(seed) for seed in range(5)]


@pytest.mark.parametrize("factors", [(), (NoTripleA(), Alternation())], ids=["free", "constrained"])
def test_runs_side_by_side_find_what_each_finds_alone(factors):
    alone = Counted()
    expected = [job() for job in searches(alone, lambda seed: Judge(uneven), factors)]
    desk, shared = Lockstep(), Counted()
    model = LockstepModel(desk, shared)
    scorer_of = lambda seed: LockstepScorer(desk, Judge(uneven))  # noqa: E731
    assert desk.run(searches(model, scorer_of, factors)) == expected
    assert max(shared.drawn) > max(alone.drawn)
    assert len(shared.drawn) < 0.6 * len(alone.drawn)


def test_what_one_run_allows_and_another_prefers_stays_its_own():
    desk = Lockstep()
    model = LockstepModel(desk, MODEL)
    size = len(MODEL.vocabulary)
    only = np.zeros((1, size), dtype=bool)
    only[0, 1] = True
    scores = np.full((1, size), -np.inf, dtype=np.float32)
    scores[0, 2] = 0.0

    def draw(**what) -> tuple[int, int]:
        decoding = model.start([""], MODEL.vocabulary, 4)
        draws = decoding.draw(DrawRequest(np.zeros(8, np.int64), np.linspace(0, 0.99, 8), **what))
        return len(set(draws.tokens.tolist()) - {-1}), int(draws.tokens[0])

    jobs = [lambda: draw(), lambda: draw(mask=pack_mask(only)), lambda: draw(log_scores=scores)]
    free, masked, scored = desk.run(jobs)
    assert free[0] > 1 and masked == (1, 1) and scored == (1, 2)


def test_rows_that_no_run_has_are_dropped_and_those_of_others_stay():
    desk = Lockstep()
    model = LockstepModel(desk, MODEL)
    place = np.zeros(1, np.int64)

    def short() -> list[np.ndarray]:
        model.start(["", ""], MODEL.vocabulary, 4)
        return []

    def long() -> list[np.ndarray]:
        decoding = model.start([""], MODEL.vocabulary, 4)
        seen = []
        for token in (0, 1):
            seen.append(decoding.log_probs()[0])
            decoding.advance(place, np.asarray([token]))
        return seen

    *_, seen = desk.run([short, short, long])
    alone = MODEL.start([""], MODEL.vocabulary, 4)
    for token, found in zip((0, 1), seen, strict=True):
        assert np.array_equal(found, alone.log_probs()[0])
        alone.advance(place, np.asarray([token]))
    assert model.pool.num_rows == 1


@pytest.mark.parametrize(
    ("writers", "judges", "after"), [(3, 1, 3), (2, 1, 3), (2, 2, 0), (1, 3, 0)]
)
def test_judges_wait_for_writers_until_half_of_the_runs_want_one(writers, judges, after):
    desk, shared = Lockstep(), Counted()
    model = LockstepModel(desk, shared)
    seen: list[int] = []

    class Noting(Judge):
        def scores(self, prompt, solutions):
            seen.append(len(shared.drawn))
            return super().scores(prompt, solutions)

    def write() -> None:
        decoding = model.start([""], MODEL.vocabulary, 4)
        for _ in range(3):
            decoding.draw(DrawRequest(np.zeros(1, np.int64), np.zeros(1)))

    def judge() -> None:
        LockstepScorer(desk, Noting(uneven)).scores("", [("a",)])

    desk.run([write] * writers + [judge] * judges)
    assert seen == [after] * judges


def test_a_judge_that_fails_fails_its_run_alone():
    desk = Lockstep()

    class Broken(Judge):
        def scores(self, prompt, solutions):
            raise ValueError("no")

    def judged(judge: Judge) -> list[tuple[float, ...]] | None:
        try:
            return LockstepScorer(desk, judge).scores("", [("a",)])
        except ValueError:
            return None

    judges = [Judge(uneven), Broken(uneven), Judge(uneven)]
    found = desk.run([lambda judge=judge: judged(judge) for judge in judges])
    assert found == [[(uneven("a"),)], None, [(uneven("a"),)]]


def test_a_model_whose_decodings_cannot_be_joined_is_refused():
    class Apart(Counted):
        def start(self, prompts, vocabulary, max_tokens):
            decoding = super().start(prompts, vocabulary, max_tokens)
            decoding.join = lambda other: False  # type: ignore[method-assign]
            return decoding

    desk = Lockstep()
    model = LockstepModel(desk, Apart())
    with pytest.raises(ValueError, match="cannot be joined"):
        desk.run([lambda: model.start([""], MODEL.vocabulary, 4)] * 2)
