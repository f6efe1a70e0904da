"""The engine's thread by itself: who starts when, who leaves, what an engine that fails does."""

from __future__ import annotations

import dataclasses
import queue
import threading

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the extra serve")

import smc
from smc.backends.hf import prefill
from smc.engine import Problem, run
from smc.errors import ModelError
from smc.integrations.server.jobs import Job, SamplingRequest, ShuttingDown
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.worker import EngineWorker
from smc.settings import Settings
from tests.models import byte_level_tokenizer, tiny_model

MODEL = smc.TableModel.constant({"a": 0.6, "b": 0.3}, eos=0.1)
COLD = smc.TableModel.constant({"a": 0.8, "b": 0.1}, eos=0.1)


class Gate(smc.Potential):
    """Waits at every token until it is opened; one token a `let`."""

    def __init__(self):
        self.reached, self._tokens = threading.Semaphore(0), queue.SimpleQueue()

    def prefix(self, text):
        self.reached.release()
        self._tokens.get(timeout=30)
        return 0.0

    def let(self, count=1):
        for _ in range(count):
            self._tokens.put(None)


class Broken(smc.Potential):
    def prefix(self, text):
        if text:
            raise RuntimeError("broken on purpose")
        return 0.0


def order(*potentials, particles=4, seed=0, parameters=(1.0, 1.0, 0), max_tokens=30, stop=()):
    settings = Settings(num_particles=particles, max_tokens=max_tokens)
    return SamplingRequest((0,), potentials, settings, stop, parameters, seed)


class WorkerHarness:
    """A worker, and what it said."""

    def __init__(self, models=lambda parameters: MODEL, max_particles=20, **limits):
        self.metrics = Metrics.fresh()
        self.worker = EngineWorker(
            models, max_queue=100, max_particles=max_particles, metrics=self.metrics, **limits
        )
        self.done = queue.SimpleQueue()
        self.jobs = {}

    def submit(self, name, wanted, **options):
        job = Job(wanted, on_done=lambda found: self.done.put((name, found)), **options)
        self.jobs[name] = job
        self.worker.submit([job])

    def answers(self, count):
        return dict(self.done.get(timeout=60) for _ in range(count))


@pytest.fixture
def harnesses():
    made = []

    def make(**options):
        made.append(WorkerHarness(**options))
        return made[-1]

    yield make
    for harness in made:
        harness.worker.close()


def alone(wanted, model=MODEL):
    problem = Problem(wanted.prompt, wanted.potentials, np.random.default_rng(wanted.seed))
    return run(model, [problem], wanted.settings, stop=wanted.stop)[0]


def test_requests_that_differ_in_everything_share_one_run(harnesses):
    harness = harnesses(models=lambda parameters: MODEL if parameters[0] == 1 else COLD)
    gate = Gate()
    wanted = {
        seed: order(
            particles=1 + seed % 4,
            seed=seed,
            parameters=(1.0 if seed % 3 else 0.5, 1.0, 0),
            max_tokens=3 + seed,
            stop=("ab",) if seed % 2 else (),
        )
        for seed in range(12)
    }
    harness.submit("gate", order(gate, particles=1, max_tokens=60))
    assert gate.reached.acquire(timeout=30)
    for seed, each in wanted.items():
        harness.submit(seed, each)
    gate.let(3)
    for _ in range(3):
        assert gate.reached.acquire(timeout=30)
    assert harness.metrics.batches._value.get() == 1
    gate.let(100)
    found = harness.answers(len(wanted) + 1)
    for seed, each in wanted.items():
        model = MODEL if each.parameters[0] == 1 else COLD
        expected = alone(each, model)
        assert found[seed].sequences == expected.sequences
        np.testing.assert_array_equal(found[seed].log_weights, expected.log_weights)


def test_none_overtakes_and_the_budget_holds(harnesses):
    """A large request waits for room; small ones behind it wait for it."""
    harness = harnesses(max_particles=10)
    gate, starts = Gate(), []

    class Notes(smc.Potential):
        def __init__(self, name):
            self.name_here = name

        def prefix(self, text):
            if not text:
                starts.append((self.name_here, harness.worker.particles))
            return 0.0

    harness.submit("first", order(gate, particles=6, max_tokens=60))
    assert gate.reached.acquire(timeout=30)
    harness.submit("large", order(Notes("large"), particles=8))
    harness.submit("small", order(Notes("small"), particles=2))
    gate.let()
    assert gate.reached.acquire(timeout=30)
    assert starts == [] and len(harness.worker._waiting) == 2
    gate.let(400)
    harness.answers(3)
    assert [name for name, _ in starts] == ["large", "small"]
    assert starts[0][1] == 0, "there was no room beside the first"


def test_one_that_is_larger_than_the_budget_runs_alone(harnesses):
    harness = harnesses(max_particles=5)
    harness.submit("huge", order(particles=50))
    harness.submit("small", order(particles=1))
    assert set(harness.answers(2)) == {"huge", "small"}


def test_a_cancelled_job_leaves_at_the_next_token_and_makes_room(harnesses):
    harness = harnesses(max_particles=4)
    gate = Gate()
    harness.submit("gone", order(gate, particles=4))
    harness.submit("never", order(particles=4))
    assert gate.reached.acquire(timeout=30)
    harness.submit("next", order(particles=4))
    harness.jobs["gone"].cancel()
    harness.jobs["never"].cancel()
    gate.let(4)
    (name,) = harness.answers(1)
    assert name == "next"
    assert harness.metrics.cancelled._value.get() == 2, "the one that ran and the one that waited"
    assert harness.metrics.tokens._value.get() > 0


def test_a_potential_that_fails_is_the_end_of_its_own_job(harnesses):
    harness = harnesses()
    wanted = {seed: order(seed=seed, particles=2) for seed in range(6)}
    harness.submit("broken", order(Broken()))
    for seed, each in wanted.items():
        harness.submit(seed, each)
    found = harness.answers(7)
    assert isinstance(found.pop("broken"), smc.PotentialError)
    for seed, each in wanted.items():
        assert found[seed].sequences == alone(each).sequences


def test_where_the_engine_fails_each_job_shows_by_itself(harnesses, monkeypatch):
    """Jobs are done again one by one; a stream that has begun is not sent twice."""
    told, gate = [], Gate()
    streamed = order(seed=3, particles=1, max_tokens=40)
    fail = threading.Event()
    original = type(MODEL.start(["a"], MODEL.vocabulary, 3)).draw

    def draw(decoding, plan):
        if fail.is_set() and len(decoding._rows) > 1:
            raise ModelError("model: no memory for so many rows")
        return original(decoding, plan)

    monkeypatch.setattr("smc.backends.table.TableDecoding.draw", draw)
    harness = harnesses()
    harness.submit("gate", order(gate, particles=1, max_tokens=10))
    assert gate.reached.acquire(timeout=30)
    harness.submit("stream", streamed, on_text=told.append)
    gate.let(3)
    for _ in range(3):
        assert gate.reached.acquire(timeout=30)
    fail.set()
    gate.let(100)
    found = harness.answers(2)
    expected = alone(streamed)
    assert found["stream"].sequences == expected.sequences
    assert "".join(told) == expected.best and len(told) > 1
    assert found["gate"].num_tokens > 0


def test_an_engine_that_fails_one_job_alone_tells_it(harnesses):
    class Sick(smc.TableModel):
        def start(self, prompts, vocabulary, max_tokens):
            raise ModelError("model: sick")

    harness = harnesses(models=lambda parameters: Sick(MODEL.vocabulary, MODEL.next_probs))
    harness.submit("one", order())
    assert isinstance(harness.answers(1)["one"], ModelError)


def test_what_waits_and_runs_is_told_when_the_worker_closes(harnesses):
    harness = harnesses(max_particles=1)
    gate = Gate()
    harness.submit("runs", order(gate, particles=1))
    assert gate.reached.acquire(timeout=30)
    harness.submit("waits", order(particles=1))
    closing = threading.Thread(target=harness.worker.close)
    closing.start()
    gate.let(100)
    found = harness.answers(2)
    closing.join(timeout=30)
    assert {type(e).__name__ for e in found.values()} <= {"ShuttingDown", "Posterior"}
    assert type(found["waits"]).__name__ == "ShuttingDown"


class PrefillCounter:
    """Models of one network; counts the widths of its forward passes."""

    def __init__(self, monkeypatch):
        monkeypatch.setattr(prefill, "LEAST_SHARED", 8)
        tokenizer = byte_level_tokenizer()
        network = tiny_model("llama", len(tokenizer))
        self.fresh = lambda: smc.TransformersModel(tiny_model("llama", len(tokenizer)), tokenizer)
        self.model = smc.TransformersModel(network, tokenizer)
        self.model.start([(5, 6, 7) * 5], self.model.vocabulary, 4)  # whether it can share
        self.widths, forward = [], network.forward

        def counted(*args, **kwargs):
            self.widths.append(kwargs["input_ids"].shape[1])
            return forward(*args, **kwargs)

        monkeypatch.setattr(network, "forward", counted)


def prompted(prompt, **options):
    return dataclasses.replace(order(**options), prompt=tuple(prompt))


def test_a_long_prompt_is_read_between_the_tokens_of_others(harnesses, monkeypatch):
    counter = PrefillCounter(monkeypatch)
    harness = harnesses(models=lambda parameters: counter.model, max_prefill=16)
    gate = Gate()
    small = dataclasses.replace(prompted([3, 4], max_tokens=3, particles=2), potentials=(gate,))
    long = prompted(range(1, 101), max_tokens=4, seed=1)
    other = prompted([*range(1, 31), *range(200, 240)], max_tokens=4, seed=2)
    harness.submit("small", small)
    assert gate.reached.acquire(timeout=60)
    counter.widths.clear()
    harness.submit("long", long)
    harness.submit("other", other)
    gate.let(100)
    answers = harness.answers(3)
    assert next(iter(answers)) == "small"  # though both prompts were there before its first token
    assert max(counter.widths) <= 16
    for name, wanted in (("long", long), ("other", other)):
        expected = alone(wanted, counter.fresh())
        assert answers[name].sequences == expected.sequences
        np.testing.assert_allclose(answers[name].log_weights, expected.log_weights, atol=1e-4)
    # What both prompts begin with was read once, or almost: they are read in turns.
    assert sum(w for w in counter.widths if w > 1) <= 99 + 69 - 16


def test_jobs_whose_prompts_are_being_read_can_leave(harnesses, monkeypatch):
    counter = PrefillCounter(monkeypatch)
    harness = harnesses(models=lambda parameters: counter.model, max_prefill=10)
    gate, reading, go_on = Gate(), threading.Event(), threading.Event()
    original = prefill.read_nodes

    def slowly(*args):
        reading.set()
        assert go_on.wait(60)
        return original(*args)

    monkeypatch.setattr(prefill, "read_nodes", slowly)
    harness.submit("left", prompted(range(1, 101), max_tokens=4))
    assert reading.wait(60)
    assert harness.worker.particles == 4 and not harness.worker.idle
    harness.jobs["left"].cancel()
    harness.submit("cut", prompted(range(100, 1, -1), max_tokens=4))
    go_on.set()
    gate.let(100)
    harness.submit("next", prompted([3, 4], max_tokens=3))
    assert not isinstance(harness.answers(1)["next"], BaseException)
    harness.worker.close()
    (found,) = harness.answers(1).values()
    assert isinstance(found, ShuttingDown) or found.num_tokens > 0


def test_a_prompt_that_cannot_be_read_fails_alone(harnesses, monkeypatch):
    counter = PrefillCounter(monkeypatch)
    harness = harnesses(models=lambda parameters: counter.model, max_prefill=10)

    def broken(*args):
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(prefill, "read_nodes", broken)
    harness.submit("long", prompted(range(1, 101), max_tokens=4))
    harness.submit("small", prompted([3, 4], max_tokens=3))
    answers = harness.answers(2)
    assert isinstance(answers["long"], RuntimeError)
    assert (
        answers["small"].sequences
        == alone(prompted([3, 4], max_tokens=3), counter.fresh()).sequences
    )
