"""The benchmark against vLLM's own sampling runs at a tiny size; nothing here is timed."""

from importlib.util import find_spec

import pytest

from benchmarks.micro import engine_vs_vllm
from benchmarks.micro.timing import Options
from tests.backends.vllm_engines import needs_vllm

TINY = Options(repeats=2, particles=3, tokens=4, vocabulary=320, hidden=64, layers=1)


@pytest.mark.skipif(find_spec("vllm") is not None, reason="vLLM is installed")
def test_without_vllm_it_says_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="make vllm-env"):
        engine_vs_vllm.run(TINY, tmp_path)


class TestWithVLLM:
    pytestmark = needs_vllm

    def test_runs_and_reports(self, tmp_path, monkeypatch):
        monkeypatch.setattr("benchmarks.micro.models._CORPUS_BYTES", 20_000)
        result = engine_vs_vllm.run(TINY, tmp_path)
        assert result.ours > 0 and result.peer > 0
        low, high = result.interval
        assert low <= result.ratio <= high
        assert all(len(runs) == TINY.repeats for runs in result.details["runs"].values())
        assert result.details["prefix_cache"]["requests"] >= TINY.repeats
