"""Whole runs over an embedded model: the methods, forks, several prompts, extinction."""

import numpy as np
import pytest

import smc
from domains.gdb17.task import Gdb17Task
from tests.backends.vllm_engines import ROOT, engine, needs_vllm

pytestmark = needs_vllm

MODEL = ROOT / "domains" / "gdb17" / "model"
TASK = Gdb17Task()
ROOM = {"max_model_len": 512, "max_num_seqs": 128}


@pytest.fixture(scope="module")
def model():
    return engine(MODEL, engine_args=ROOM)


@pytest.fixture(scope="module")
def reference():
    return smc.load(str(MODEL), device="cpu", dtype="float32")


def sample(source, prompt=None, *, potentials=None, **options):
    (item,) = TASK.items(limit=1)
    own = [*TASK.cheap(item), *TASK.expensive(item)] if potentials is None else potentials
    given = {"num_particles": 12, "max_tokens": TASK.max_tokens, "ess_threshold": 1.0, "seed": 3}
    return smc.sample(source, prompt or item.prompt, own, stop=TASK.stop, **{**given, **options})


def assert_same(one, other, tolerance=2e-3):
    """The same particles, with weights within the rounding of a few dozen tokens."""
    assert [s.text for s in one.sequences] == [s.text for s in other.sequences]
    np.testing.assert_allclose(one.log_weights, other.log_weights, atol=tolerance)
    assert one.log_evidence == pytest.approx(other.log_evidence, abs=tolerance)


@pytest.mark.parametrize("method", list(smc.METHODS))
def test_every_method_gives_what_it_gives_over_transformers(model, reference, method):
    posterior = sample(model, method=method)
    assert_same(posterior, sample(reference, method=method))
    assert posterior.status is smc.Status.COMPLETE
    if method in ("gsmc", "smc"):
        assert any(step.resampled for step in posterior.history)


def test_the_same_seed_gives_the_same_result_and_another_another(model):
    one, again, other = sample(model), sample(model), sample(model, seed=4)
    assert_same(one, again)
    assert [s.text for s in one.sequences] != [s.text for s in other.sequences]


class Favourite(smc.Potential):
    """Prefers prefixes with much of one letter, so that particles are resampled often."""

    def prefix(self, text):
        return 2.0 * text.count("C")

    def complete(self, text):
        return self.prefix(text)


def test_forks_are_found_in_the_prefix_cache(model, reference):
    before = model.cache_use
    options = {"ess_threshold": 1.0, "num_particles": 24, "resampling": "multinomial"}
    posterior = sample(model, potentials=[*TASK.cheap(), Favourite()], **options)
    use = model.cache_use - before
    assert sum(step.resampled for step in posterior.history) >= 5
    assert use.requests > 24
    # All but the last block, 32 tokens at most, of a prompt of some 300 tokens.
    assert use.hit_rate > 0.85
    assert_same(
        posterior, sample(reference, potentials=[*TASK.cheap(), Favourite()], **options), 1e-2
    )


def test_several_prompts_at_once_are_as_one_at_a_time(model):
    items = TASK.items(limit=3)
    options = {"num_particles": 8, "max_tokens": 30, "ess_threshold": 0.9, "stop": TASK.stop}
    own = [[*TASK.cheap(item), *TASK.expensive(item)] for item in items]
    together = smc.sample_batch(model, [i.prompt for i in items], own, seeds=[5, 6, 7], **options)
    for seed, item, potentials, posterior in zip((5, 6, 7), items, own, together, strict=True):
        assert_same(posterior, smc.sample(model, item.prompt, potentials, seed=seed, **options))


class Nothing(smc.Potential):
    """Lets texts grow to a few characters, and no further."""

    def prefix(self, text):
        return 0.0 if len(text) < 6 else -np.inf

    def complete(self, text):
        return -np.inf


def test_a_population_that_dies_is_a_result_and_frees_its_requests(model):
    posterior = sample(model, potentials=[Nothing()])
    assert posterior.status is smc.Status.EXTINCT
    assert posterior.log_evidence == -np.inf
    assert model.num_requests == 0


def test_particles_that_wait_for_each_other(model, reference):
    options = {"resample_at": smc.WhereBoundary(lambda _, now: now.endswith("C")), "seed": 8}
    assert_same(sample(model, **options), sample(reference, **options))
