"""Runs in lockstep, and what is remembered between them."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from benchmarks.lockstep import Lockstep, LockstepWriter
from benchmarks.refining.remembering import RememberingScorer, RememberingWriter
from smc.errors import EndpointError
from tests.step_worlds import Judge
from tests.writers import ScriptedWriter


def rngs(seed: int, count: int) -> list[np.random.Generator]:
    return [np.random.default_rng([seed, k]) for k in range(count)]


def uniforms() -> ScriptedWriter:
    """Says what was asked and the uniform."""
    return ScriptedWriter(lambda prompt, uniform: f"{prompt}:{uniform:.6f}")


def test_texts_of_all_runs_are_written_together_and_are_those_of_each_alone():
    """Runs of different lengths: those that have ended are not waited for."""
    desk, inner = Lockstep(), uniforms()
    writer = LockstepWriter(desk, inner)

    def job(seed: int) -> list[str]:
        told = []
        for place in range(seed + 1):
            asked = [f"{seed}.{place}"] * 2
            told += [t.text for t in writer.write(asked, rngs=rngs(seed + 10 * place, 2))]
        return told

    found = desk.run([lambda seed=seed: job(seed) for seed in range(4)])
    assert inner.sizes == [8, 6, 4, 2]
    alone = uniforms()
    for seed, own in enumerate(found):
        expected = [
            t.text
            for place in range(seed + 1)
            for t in alone.write([f"{seed}.{place}"] * 2, rngs=rngs(seed + 10 * place, 2))
        ]
        assert own == expected
    assert desk.run([]) == [] and writer.passes == inner.passes


def test_what_a_run_returned_is_kept_though_another_fails():
    desk = Lockstep()
    writer, kept = LockstepWriter(desk, uniforms()), []

    def job(place: int) -> int:
        for _ in range(place):
            writer.write(["a"], rngs=rngs(0, 1))
        if place == 1:
            raise KeyError(place)
        return place

    with pytest.raises(KeyError, match="1"):
        desk.run([lambda place=place: job(place) for place in (3, 1, 0, 2)], kept.append)
    assert kept == [0, 2, 3]


def test_only_one_run_goes_on_at_a_time():
    desk = Lockstep()
    writer, running, most = LockstepWriter(desk, uniforms()), [], []

    def job() -> None:
        for _ in range(3):
            running.append(threading.get_ident())
            most.append(len(running))
            running.pop()
            writer.write(["a"], rngs=rngs(0, 1))

    desk.run([job] * 5)
    assert most == [1] * 15


def test_writers_and_temperatures_are_kept_apart():
    desk = Lockstep()
    one, other = uniforms(), uniforms()
    shared = [LockstepWriter(desk, one), LockstepWriter(desk, other)]

    def job(k: int) -> str:
        temperature = 0.5 if k == 2 else None
        texts = shared[k % 2].write([f"p{k}"], rngs=rngs(k, 1), temperature=temperature)
        return texts[0].text.split(":")[0]

    assert desk.run([lambda k=k: job(k) for k in range(4)]) == ["p0", "p1", "p2", "p3"]
    assert one.sizes == [1, 1] and other.sizes == [2] and set(one.temperatures) == {None, 0.5}


def test_a_run_that_fails_leaves_the_others_alone():
    desk = Lockstep()
    writer, ended = LockstepWriter(desk, uniforms()), []

    def good() -> None:
        for _ in range(2):
            writer.write(["a"], rngs=rngs(0, 1))
        ended.append(1)

    def bad() -> None:
        writer.write(["a"], rngs=rngs(0, 1))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        desk.run([good, bad, good])
    assert ended == [1, 1]


def test_a_writer_that_fails_fails_each_run_that_waits():
    class Broken(ScriptedWriter):
        def write(self, prompts, **how):
            raise EndpointError("it is down")

    desk = Lockstep()
    writer, met = LockstepWriter(desk, Broken(lambda p, u: "")), []

    def job() -> None:
        with pytest.raises(EndpointError, match="down"):
            writer.write(["a"], rngs=rngs(0, 1))
        met.append(1)

    desk.run([job] * 3)
    assert met == [1] * 3


# ---- what is remembered


def test_a_text_is_written_once_for_a_prompt_and_a_generator():
    inner = uniforms()
    writer = RememberingWriter(inner)
    first = writer.write(["a", "b", "a"], rngs=rngs(0, 3))
    again = writer.write(["b", "a", "a"], rngs=[rngs(0, 2)[1], *rngs(0, 1), *rngs(5, 1)])
    assert again[:2] == [first[1], first[0]] and again[2] != first[0]
    assert inner.sizes == [3, 1] and writer.passes == inner.passes
    assert writer.write(["a"], rngs=rngs(0, 1), temperature=0.5) == [first[0]]
    assert inner.sizes == [3, 1, 1]


def test_a_judge_is_asked_once_about_each_solution_of_each_problem():
    judge = Judge(lambda text: 0.5)
    remembering = RememberingScorer(judge)
    remembering.scores("p", [("a",), ("b", "c"), ("a",)])
    remembering.scores("q", [("a",)])
    assert remembering.scores("p", [("b", "c"), ("a",)]) == [(0.5, 0.5), (0.5,)]
    assert judge.asked == [("a",), ("b", "c"), ("a",)]
