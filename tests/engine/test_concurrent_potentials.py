"""Expensive potentials at the same time, and beside the forward pass: the same result, sooner.

That things happen at once is shown by barriers, which nobody passes before all are there; nothing
here depends on how fast the machine is.
"""

from __future__ import annotations

import dataclasses
import math
import threading
from collections.abc import Sequence

import numpy as np
import pytest

import smc
from smc.engine import Problem, Run, run
from smc.model import HOLD
from smc.settings import Settings
from tests.exact import MODEL, VOCABULARY, AfterB, Judge, NoTripleA, SoftLength, with_boundary
from tests.test_exactness import settings

SECONDS = 60.0
"""For something that is not at all, if it is not by then."""


class Watched:
    """A model that calls a function before each forward pass, and counts the rows of each draw."""

    def __init__(self, model: smc.TableModel, before=lambda: None) -> None:
        self.vocabulary, self._model, self._before = model.vocabulary, model, before
        self.passes, self.drawn_from = 0, []

    def start(self, prompts, vocabulary, max_tokens):
        return WatchedDecoding(self, self._model.start(prompts, vocabulary, max_tokens))

    def advanced(self, tokens) -> None:
        if (tokens != HOLD).any():
            self.passes += 1
            self._before()


class WatchedDecoding:
    runs_ahead = True

    def __init__(self, model, inner) -> None:
        self._model, self._inner = model, inner

    def advance(self, parents, tokens) -> None:
        self._model.advanced(tokens)
        self._inner.advance(parents, tokens)

    def draw(self, request):
        self._model.drawn_from.append(len(set(request.rows.tolist())))
        return self._inner.draw(request)

    def join(self, other) -> bool:
        return self._inner.join(other._inner)

    def log_probs(self):
        return self._inner.log_probs()


class Beside(smc.Potential):
    """Soft, and calls a function at every batch."""

    concurrent = True

    def __init__(self, slope: float, then=lambda: None) -> None:
        self.slope, self._then = slope, then
        self.threads: set[int] = set()

    def prefix(self, text: str) -> float:
        return self.slope * len(text)

    def batch_prefix(self, texts: Sequence[str]) -> Sequence[float]:
        self.threads.add(threading.get_ident())
        self._then()
        return [self.prefix(t) for t in texts]


def test_potentials_and_the_forward_pass_are_under_way_at_once():
    barrier = threading.Barrier(3)
    sampling = threading.get_ident()

    def meet():
        if started.is_set():  # the empty text is weighed before there is a model's pass
            barrier.wait(SECONDS)

    started = threading.Event()
    model = Watched(smc.TableModel.constant({"a": 0.5, "b": 0.499}, eos=0.001), meet)
    potentials = [Beside(0.1, meet), Beside(-0.2, meet)]
    engine = Run(model)
    chosen = Settings(num_particles=4, max_tokens=6, at_max_tokens="cut", ess_threshold=1.0)
    engine.add_all([Problem("", potentials, np.random.default_rng(3))], chosen)
    started.set()
    while engine.running:
        engine.step()
    assert model.passes == 5
    assert all(len(p.threads - {sampling}) >= 1 for p in potentials)
    (posterior,) = engine.posteriors()
    assert np.isfinite(posterior.log_evidence)


def test_by_default_all_is_called_in_the_sampling_thread():
    watch = Beside(0.1)
    watch.concurrent = False
    smc.sample(MODEL, "", [watch], max_tokens=3, num_particles=5, seed=1)
    assert not smc.Potential.concurrent
    assert watch.threads == {threading.get_ident()}


class Picky(smc.Potential):
    """Hard and soft, by the length and the ends of a text."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def prefix(self, text: str) -> float:
        if self.kind in text:
            return -math.inf
        return 0.3 * text.count("a") - 0.1 * len(text)

    def complete(self, text: str) -> float:
        return self.prefix(text) - 0.2 * text.endswith("b")


def factors(concurrent: bool, boundary: smc.Boundary | None):
    expensive = [Picky("aab"), Picky("ba"), Judge()]
    for potential in expensive:
        potential.concurrent = concurrent
    return [NoTripleA(), SoftLength(), *(with_boundary(p, boundary) for p in expensive)]


def trimmed(posterior: smc.Posterior):
    """All but what the potentials have cost."""
    steps = [dataclasses.replace(step, costs={}) for step in posterior.history]
    weights = posterior.log_weights.tolist()
    return posterior.sequences, weights, steps, posterior.num_tokens, posterior.reason


DRAFT = smc.TableModel(VOCABULARY, lambda prefix: (0.3, 0.2, 0.2, 0.15, 0.15))
CASES = {
    "plain": {"ess_threshold": 1.0},
    "waiting": {"ess_threshold": 0.7, "resample_at": AfterB()},
    "cut": {"ess_threshold": 0.9, "at_max_tokens": "cut"},
    "at the end": {"expensive": "end"},
    "rejection": {"proposal": smc.RejectionProposal(), "ess_threshold": 1.0},
    "draft": {"proposal": smc.DraftProposal(DRAFT, block=2), "ess_threshold": 0.8},
}


@pytest.mark.parametrize("stop", [(), ("ba", "bbb")], ids=["no stop", "stop"])
@pytest.mark.parametrize("boundary", [None, AfterB()], ids=["tokens", "boundaries"])
@pytest.mark.parametrize("case", CASES)
def test_the_result_is_that_of_calls_one_after_the_other(case, boundary, stop):
    found = []
    for concurrent in (False, True):
        rngs = [np.random.default_rng(s) for s in np.random.SeedSequence(9).spawn(40)]
        shared = factors(concurrent, boundary)
        problems = [Problem("", shared, rng) for rng in rngs]
        chosen = settings(num_particles=6, **CASES[case])
        found.append([trimmed(p) for p in run(MODEL, problems, chosen, stop=stop)])
    assert found[0] == found[1]
    assert case == "rejection" or any(
        -math.inf in step.log_weights for _, _, steps, *_ in found[0] for step in steps
    )


@pytest.mark.parametrize("late", [0, 1])
def test_who_comes_first_makes_no_difference(late):
    """One of the two answers only once the other has."""
    said = threading.Semaphore(0)

    def after() -> None:
        if threading.current_thread() is not threading.main_thread():
            assert said.acquire(timeout=SECONDS)

    def before() -> None:
        if threading.current_thread() is not threading.main_thread():
            said.release()

    def posterior(first, second):
        return smc.sample(MODEL, "", [first, second], max_tokens=4, num_particles=6, seed=5)

    slow, quick = Beside(0.3, after), Beside(-0.2, before)
    pair = (slow, quick) if late == 0 else (quick, slow)
    expected = [Beside(p.slope) for p in pair]
    for potential in expected:
        potential.concurrent = False
    assert trimmed(posterior(*pair)) == trimmed(posterior(*expected))


def test_the_rows_of_the_dead_are_freed_before_the_next_draw():
    rows = []
    for concurrent in (False, True):
        model = Watched(MODEL)
        smc.sample(
            model, "", factors(concurrent, None), num_particles=30, max_tokens=4, seed=2,
            at_max_tokens="end",
        )  # fmt: skip
        rows.append(model.drawn_from)
    assert rows[0] == rows[1]


class Raising(smc.Potential):
    """Raises at some text, every time or the first."""

    concurrent = True

    def __init__(self, at: str, once: bool = False) -> None:
        self.at, self.once, self.raised = at, once, 0

    def prefix(self, text: str) -> float:
        if text == self.at and not (self.once and self.raised):
            self.raised += 1
            raise ValueError("no opinion")
        return 0.0


@pytest.mark.parametrize("once", [False, True])
def test_errors_come_up_as_they_do_in_the_sampling_thread(once):
    messages = []
    for concurrent in (False, True):
        potential = Raising("ab", once)
        potential.concurrent = concurrent
        with pytest.raises(smc.PotentialError) as caught:
            smc.sample(MODEL, "", [Beside(0.1), potential], num_particles=20, max_tokens=4, seed=1)
        messages.append(str(caught.value))
        assert isinstance(caught.value.__cause__, ValueError) and potential.raised == 1
    assert messages[0] == messages[1]


def test_what_another_potential_kills_raises_nothing():
    posterior = smc.sample(
        MODEL, "", [Picky("ab"), Raising("ab")], num_particles=20, max_tokens=4, seed=1
    )
    assert np.isfinite(posterior.log_evidence)


def test_a_potential_is_called_once_at_a_time():
    inside, most = [0], [0]
    lock = threading.Lock()

    class Counting(Beside):
        def batch_prefix(self, texts):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            values = super().batch_prefix(texts)
            with lock:
                inside[0] -= 1
            return values

        batch_complete = batch_prefix

    shared = Counting(0.1)
    engine = Run(MODEL)
    for seed, stop in enumerate([(), ("b",), ("ba",)]):  # of several vocabularies
        problem = Problem("", [shared, Beside(0.2)], np.random.default_rng(seed))
        engine.add(problem, settings(num_particles=8), stop)
    while engine.running:
        engine.step()
    assert most == [1] and len(shared.threads) >= 2


def test_a_failing_model_leaves_nobody_at_work():
    release, done = threading.Event(), []

    def wait() -> None:
        if threading.current_thread() is not threading.main_thread():
            assert release.wait(SECONDS)
            done.append(True)

    def fail() -> None:
        release.set()
        raise smc.ModelError("model: out of order.")

    with pytest.raises(smc.ModelError, match="out of order"):
        smc.sample(Watched(MODEL, fail), "", [Beside(0.1, wait)], max_tokens=4, seed=1)
    assert done == [True]


def test_a_decoding_that_cannot_run_ahead_does_not(monkeypatch):
    """Its potentials still work at the same time, and no row is run that is dropped."""
    monkeypatch.setattr(WatchedDecoding, "runs_ahead", False)
    barrier, started = threading.Barrier(2), threading.Event()

    def meet() -> None:
        if started.is_set():
            barrier.wait(SECONDS)

    model = Watched(MODEL)
    engine = Run(model)
    problem = Problem("", [Beside(0.1, meet), Beside(-0.2, meet)], np.random.default_rng(3))
    engine.add_all([problem], settings(num_particles=4))
    started.set()
    while engine.running:
        engine.step()
    assert model.passes <= 3
