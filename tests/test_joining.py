"""Problems that join and leave a run: each as if it ran alone, whatever its neighbours do."""

from __future__ import annotations

import math

import numpy as np
import pytest

import smc
from smc.engine import Problem, Run, run
from smc.engine.batch import Decodings
from smc.model import HOLD, DrawRequest, pack_mask
from smc.settings import Settings
from tests.exact import MODEL, AfterB, Alternation, Judge, NoTripleA, SoftLength, with_boundary

OTHER = smc.TableModel(MODEL.vocabulary, lambda prefix: (0.3, 0.2, 0.2, 0.2, 0.1))


class Raises(smc.Potential):
    """Raises, or gives NaN, on texts of some length."""

    def __init__(self, length: int, how: str) -> None:
        self.length, self.how = length, how

    def prefix(self, text):
        if len(text) < self.length:
            return 0.0
        if self.how == "nan":
            return math.nan
        raise RuntimeError("on purpose")

    complete = prefix


class RaisingMask(NoTripleA):
    def token_scores(self, states):
        if any(len(s) > 1 for s in states):
            raise RuntimeError("on purpose")
        return super().token_scores(states)


class ScoresNoNumber(SoftLength):
    def token_scores(self, states):
        found = super().token_scores(states)
        assert found.log_scores is not None
        found.log_scores[[len(s) > 1 for s in states], 0] = math.nan
        return found


class RaisingState(smc.IncrementalPotential):
    def start(self):
        return 0

    def advance(self, state, new_bytes):
        if state > 1:
            raise RuntimeError("on purpose")
        return state + len(new_bytes)

    def prefix(self, state):
        return 0.0

    complete = prefix


class RaisingBoundary(AfterB):
    def advance(self, state, text):
        raise RuntimeError("on purpose")


SHARED = [NoTripleA(), SoftLength()]
KINDS = [
    ((), {}, ()),
    ((NoTripleA(),), {"ess_threshold": 1.0, "max_tokens": 3}, ()),
    ((SoftLength(), Judge()), {"num_particles": 7, "resampling": "multinomial"}, ()),
    (SHARED, {"proposal": smc.LocalProposal(temperature=1.7), "ess_threshold": 0.9}, ("ba",)),
    (SHARED, {"proposal": smc.LocalProposal(temperature=0.5)}, ("b",)),
    (
        (*SHARED, with_boundary(Alternation(), AfterB())),
        {"resample_at": AfterB(), "ess_threshold": 1.0},
        (),
    ),
    ((Judge(),), {"expensive": "end", "num_particles": 2}, ("aa",)),
    ((Judge(), SoftLength()), {"expensive": "never", "shared_draws": False}, ()),
    ((Judge(),), {"cheap": False, "max_tokens": 1}, ()),
    ((NoTripleA(),), {"max_tokens": 2}, ("b", "ab")),
    (
        (*SHARED, with_boundary(Alternation(), AfterB()), Judge()),
        {"proposal": smc.RejectionProposal(temperature=1.4), "ess_threshold": 0.9},
        ("ba",),
    ),
    ((Judge(),), {"proposal": smc.RejectionProposal(extra_checks=3), "max_tokens": 5}, ()),
    (SHARED, {"proposal": smc.DraftProposal(OTHER, block=3), "ess_threshold": 0.9}, ()),
    ((Judge(),), {"proposal": smc.DraftProposal(OTHER, temperature=1.3)}, ("aa",)),
]


def terms(kind: int) -> tuple[list, Settings, tuple[str, ...]]:
    factors, changes, stop = KINDS[kind]
    base = {"num_particles": 5, "max_tokens": 9}
    return list(factors), Settings(**{**base, **changes}), stop


def alone(kind: int, seed: int, model=MODEL) -> smc.Posterior:
    factors, settings, stop = terms(kind)
    problem = Problem("ab", factors, np.random.default_rng(seed))
    return run(model, [problem], settings, stop=stop)[0]


def add(engine: Run, kind: int, seed: int, **options) -> int:
    factors, settings, stop = terms(kind)
    problem = Problem("ab", factors, np.random.default_rng(seed))
    return engine.add(problem, settings, stop, **options)


def assert_equal(found: smc.Posterior, expected: smc.Posterior) -> None:
    """Bit by bit, but for what it cost."""
    np.testing.assert_array_equal(found.log_weights, expected.log_weights)
    assert found.sequences == expected.sequences
    assert found.num_tokens == expected.num_tokens
    for ours, theirs in zip(found.history, expected.history, strict=True):
        assert (ours.log_weights, ours.ancestors) == (theirs.log_weights, theirs.ancestors)


@pytest.mark.parametrize("seed", range(4))
def test_a_result_does_not_depend_on_neighbours_or_on_when_it_joined(seed):
    rng = np.random.default_rng(seed)
    engine, expected = Run(MODEL), {}
    for number in range(60):
        kind, model = int(rng.integers(len(KINDS))), MODEL if rng.random() < 0.7 else OTHER
        expected[add(engine, kind, number, model=model)] = alone(kind, number, model)
        if rng.random() < 0.2:  # one that goes, in the middle or at its end
            gone = int(rng.choice(list(expected)))
            engine.remove(gone)
            del expected[gone]
        for _ in range(rng.integers(0, 3)):
            engine.step()
    while engine.running:
        engine.step()
    assert len(expected) > 30
    for number, posterior in expected.items():
        assert_equal(engine.posterior(number), posterior)


FAULTS = {
    "raises": Raises(3, "raise"),
    "is not a number": Raises(2, "nan"),
    "a mask raises": RaisingMask(),
    "a score is not a number": ScoresNoNumber(),
    "a state raises": RaisingState(),
    "a boundary raises": with_boundary(Judge(), RaisingBoundary()),
}


@pytest.mark.parametrize(
    "proposal",
    [smc.LocalProposal(), smc.RejectionProposal(), smc.DraftProposal(OTHER)],
    ids=["local", "rejection", "draft"],
)
@pytest.mark.parametrize("name", FAULTS)
def test_a_potential_that_fails_ends_its_own_problem_alone(name, proposal):
    engine = Run(MODEL)
    neighbours = [(add(engine, kind, seed=kind), kind) for kind in range(len(KINDS))]
    engine.step()
    own = Settings(num_particles=8, max_tokens=9, proposal=proposal)
    at_fault = engine.add(Problem("a", [FAULTS[name]], np.random.default_rng(1)), own)
    assert at_fault in engine.unfinished()
    while engine.running:
        engine.step()
    (error,) = engine.errors()
    with pytest.raises(type(error)) as found:
        engine.posterior(at_fault)
    assert found.value is error
    assert "on purpose" in str(error) or "expected" in str(error)
    for number, kind in neighbours:
        assert_equal(engine.posterior(number), alone(kind, seed=kind))


@pytest.mark.parametrize("how", ["raise", "nan", "mask"])
def test_a_shared_potential_fails_those_problems_alone_whose_texts_are_at_fault(how):
    """Asked in one batch, it fails for all; then each is asked by itself."""
    shared = RaisingMask() if how == "mask" else Raises(2, how)
    engine = Run(MODEL)
    rngs = [np.random.default_rng(s) for s in range(40)]
    numbers = [
        engine.add(Problem("a", [shared], rng), Settings(num_particles=1, max_tokens=9))
        for rng in rngs
    ]
    while engine.running:
        engine.step()
    failed = len(engine.errors())
    assert 0 < failed < len(numbers)
    sound = [n for n in numbers if n not in _failing(engine, numbers)]
    assert len(sound) == len(numbers) - failed
    for number in sound:
        (sequence,) = engine.posterior(number).sequences
        assert len(sequence.text) < 2


def _failing(engine: Run, numbers: list[int]) -> set[int]:
    found = set()
    for number in numbers:
        try:
            engine.posterior(number)
        except smc.PotentialError:
            found.add(number)
    return found


def test_a_problem_that_fails_as_it_joins_changes_nothing():
    engine = Run(MODEL)
    first = add(engine, 3, seed=2)
    engine.step()
    for problem, error in (
        (Problem("a", [Raises(0, "raise")], np.random.default_rng(0)), smc.PotentialError),
        (Problem("?", [], np.random.default_rng(0)), smc.PromptError),
    ):
        with pytest.raises(error):
            engine.add(problem, Settings())
    assert engine.unfinished() == {first}
    while engine.running:
        engine.step()
    assert_equal(engine.posterior(first), alone(3, seed=2))


def test_run_raises_what_a_potential_raised():
    problems = [Problem("a", [Raises(2, "raise")], np.random.default_rng(0))]
    with pytest.raises(smc.PotentialError, match="on purpose"):
        run(MODEL, problems, Settings(max_tokens=9))


def test_a_removed_problem_leaves_nothing_behind():
    engine = Run(MODEL)
    kept = add(engine, 0, seed=0)
    gone = [add(engine, kind, seed=kind) for kind in (2, 3, 4)]
    engine.step()
    for number in gone:
        engine.remove(number)
    engine.step()
    assert engine.unfinished() == {kept}
    assert not engine._evaluators, "potentials that no problem has are forgotten"
    assert {row.population for row in engine._batch.rows} == {engine._populations[kept]}


def test_a_run_without_problems_does_nothing():
    engine = Run(MODEL)
    assert not engine.running and engine.posteriors() == [] and engine.add_all([], Settings()) == []
    engine.step()
    number = add(engine, 1, seed=5)
    while engine.running:
        engine.step()
    assert_equal(engine.posterior(number), alone(1, seed=5))


def test_decodings_that_cannot_join_go_side_by_side():
    """Any walk of rows over two models is what each row does alone."""
    rng = np.random.default_rng(3)
    vocabulary = MODEL.vocabulary
    both, rows = Decodings(), []
    for model in (MODEL, OTHER, MODEL, OTHER):
        both.add(model.start(["a", "b"], vocabulary, 9), 2)
        rows += [(model, (0,)), (model, (1,))]
        for _ in range(4):
            size = len(rows)
            plan = DrawRequest(
                rng.integers(0, size, 20),
                rng.random(20),
                pack_mask(rng.random((size, 5)) < 0.8),
                rng.normal(size=(size, 5)).astype(np.float32),
                rng.choice([1.0, 0.7], size),
            )
            draws = both.draw(plan)
            for m, row in enumerate(plan.rows):
                model, ids = rows[row]
                own = DrawRequest(
                    np.zeros(1, np.int64),
                    plan.uniforms[[m]],
                    plan.mask[[row]],
                    plan.log_scores[[row]],
                    float(plan.temperature[row]),
                )
                expected = model.start([ids], vocabulary, 9).draw(own)
                assert draws.tokens[m] == expected.tokens[0]
                assert draws.log_weights[m] == expected.log_weights[0]
            parents = rng.integers(0, size, rng.integers(2, 7))
            tokens = rng.choice([HOLD, 0, 1], len(parents))
            both.advance(parents, tokens)
            rows = [
                (rows[p][0], rows[p][1] if t == HOLD else (*rows[p][1], int(t)))
                for p, t in zip(parents, tokens, strict=True)
            ]
    none = np.zeros(0, dtype=np.int64)
    both.advance(none, none)
    assert both._parts == [] and len(both.draw(DrawRequest(none, np.zeros(0))).tokens) == 0
