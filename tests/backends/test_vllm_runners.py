"""Either model runner, and two workers, draw what transformers draws."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

import smc
from tests.backends.vllm_engines import (
    ROOT,
    engine,
    needs_vllm,
    random_llama,
    walk_and_sample,
)

pytestmark = needs_vllm


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return random_llama(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def expected(folder):
    return walk_and_sample(smc.load(str(folder), device="cpu", dtype="float32"))


def assert_same(drawn, expected):
    for exact in ("tokens", "texts", "resampled"):
        assert drawn[exact] == expected[exact]
    for close in ("log_weights", "posterior"):
        np.testing.assert_allclose(drawn[close], expected[close], atol=1e-3)
    assert drawn["resampled"] >= 2


def test_the_runner_of_this_process(folder, expected):
    assert_same(walk_and_sample(engine(folder)), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("shape", "base"),
    [
        ("second_runner", "vllm.v1.worker.gpu.model_runner.GPUModelRunner"),
        ("second_runner_short_of_room", "vllm.v1.worker.gpu.model_runner.GPUModelRunner"),
        ("two_workers", "vllm.v1.executor.multiproc_executor.MultiprocExecutor"),
    ],
    ids=lambda value: "" if "." in value else value,
)
def test_another_shape(folder, expected, shape, base):
    script = ROOT / "tests" / "backends" / "vllm_process.py"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", script, shape, folder],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert base in said["bases"]
    assert_same(said["drawn"], expected)
    assert said["hit_rate"] > 0
    assert said["requests_left"] == 0
