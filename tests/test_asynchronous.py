"""Asynchronous sampling: callers share a run, and each has what it would have had alone."""

import asyncio
import math
import threading

import numpy as np
import pytest

import smc
from smc.asynchronous import _Dispatcher
from tests.exact import MAX_TOKENS, MODEL, Judge, NoTripleA, SoftLength

PROMPTS = ["", "a", "ab", "ba", "b", ""]


def arguments(i):
    return {
        "max_tokens": MAX_TOKENS,
        "num_particles": 5 + 3 * i,
        "ess_threshold": 0.9,
        "seed": i,
        "temperature": None if i % 2 else 1.3,
        "stop": ("bb",) if i == 2 else (),
    }


def test_each_result_is_that_of_a_run_alone():
    potentials = [NoTripleA(), SoftLength(), Judge()]

    async def main():
        calls = [
            smc.asample(MODEL, prompt, potentials, **arguments(i))
            for i, prompt in enumerate(PROMPTS)
        ]
        return await asyncio.gather(*calls)

    for i, shared in enumerate(asyncio.run(main())):
        alone = smc.sample(MODEL, PROMPTS[i], potentials, **arguments(i))
        assert shared.sequences == alone.sequences
        np.testing.assert_allclose(shared.log_weights, alone.log_weights, rtol=0, atol=1e-12)
        assert shared.log_evidence == pytest.approx(alone.log_evidence, abs=1e-12)


class Meeting(smc.Potential):
    """Lets no text go on before as many callers' texts are there as were said to come."""

    def __init__(self, expected):
        self.here, self.all_here, self.expected = set(), threading.Event(), expected
        self.threads = set()

    def of(self, caller):
        meeting = self

        class Attends(smc.Potential):
            def prefix(self, text):
                meeting.threads.add(threading.current_thread().name)
                meeting.here.add(caller)
                return 0.0

        return Attends()


def test_callers_share_one_thread_and_its_run():
    """All are drawn by one thread, which is gone when they are answered."""
    meeting = Meeting(4)

    async def main():
        await asyncio.gather(
            *(smc.asample(MODEL, "", [meeting.of(i)], max_tokens=MAX_TOKENS) for i in range(4))
        )

    asyncio.run(main())
    assert meeting.here == {0, 1, 2, 3} and meeting.threads == {"smc-asample"}
    ends = [t for t in threading.enumerate() if t.name == "smc-asample"]
    for thread in ends:
        thread.join(60)
    assert not any(t.is_alive() for t in ends) and id(MODEL) not in _Dispatcher._of_models


class Fails(smc.Potential):
    def prefix(self, text):
        if text:
            raise ZeroDivisionError
        return 0.0


def test_a_failure_is_its_callers_own():
    async def main():
        return await asyncio.gather(
            smc.asample(MODEL, "", [Fails()], max_tokens=MAX_TOKENS),
            smc.asample(MODEL, "z", max_tokens=MAX_TOKENS),
            smc.asample(MODEL, "", max_tokens=MAX_TOKENS, seed=7),
            return_exceptions=True,
        )

    failed, refused, fine = asyncio.run(main())
    assert isinstance(failed, smc.PotentialError) and isinstance(refused, smc.PromptError)
    alone = smc.sample(MODEL, "", max_tokens=MAX_TOKENS, seed=7)
    assert isinstance(fine, smc.Posterior) and fine.sequences == alone.sequences


def test_a_caller_that_leaves_holds_up_nobody():
    entered, go_on = threading.Event(), threading.Event()

    class Waits(smc.Potential):
        def prefix(self, text):
            if text:
                entered.set()
                assert go_on.wait(120)
            return 0.0

    async def main():
        leaves = asyncio.create_task(smc.asample(MODEL, "", [Waits()], max_tokens=MAX_TOKENS))
        stays = asyncio.create_task(smc.asample(MODEL, "", max_tokens=MAX_TOKENS, seed=7))
        assert await asyncio.to_thread(entered.wait, 120)
        leaves.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await leaves
        return await stays

    alone = smc.sample(MODEL, "", max_tokens=MAX_TOKENS, seed=7)
    assert asyncio.run(main()).sequences == alone.sequences


def test_a_model_that_fails_tells_all_and_the_next_call_runs():
    broken = True

    def next_probs(prefix):
        if broken and len(prefix) > 1:
            raise smc.ModelError("out of order")
        return MODEL.next_probs(prefix)

    model = smc.TableModel(MODEL.vocabulary, next_probs)

    async def main(count):
        calls = [smc.asample(model, "", max_tokens=MAX_TOKENS, seed=i) for i in range(count)]
        return await asyncio.gather(*calls, return_exceptions=True)

    results = asyncio.run(main(3))
    assert any(isinstance(r, smc.ModelError) for r in results)
    assert all(isinstance(r, smc.ModelError | smc.Posterior) for r in results)
    broken = False
    (fine,) = asyncio.run(main(1))
    assert isinstance(fine, smc.Posterior) and fine.log_evidence > -math.inf


def test_what_is_wrong_is_said_at_once():
    for wrong in ({"num_particles": 0}, {"stop": "x"}, {"seed": -1}, {"method": "magic"}):
        with pytest.raises(smc.SettingsError):
            asyncio.run(smc.asample(MODEL, "", **wrong))
    with pytest.raises(smc.SettingsError, match=r"smc\.load"):
        asyncio.run(smc.asample("gpt2", ""))
