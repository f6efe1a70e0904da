"""vLLM engines for tests, each started once; what every test of them needs."""

from __future__ import annotations

import atexit
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import smc
from smc.model import HOLD, DrawRequest, LanguageModel

ROOT = Path(__file__).resolve().parents[2]

# Read when vLLM is imported or its engine starts.
for _name, _value in {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}.items():
    os.environ.setdefault(_name, _value)

SMALL = {
    "enforce_eager": True,
    "max_num_seqs": 64,
    "max_model_len": 128,
    "kv_cache_memory_bytes": 2**26,
}

needs_vllm = [
    pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: make test-vllm"),
    # Of vLLM and what it imports; ours would be UserWarnings.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

UNUSED = 5


def random_llama(folder: Path) -> Path:
    """Write a random Llama to a folder, with `UNUSED` more logits than its tokenizer has tokens."""
    from tests.models import byte_level_tokenizer, tiny_model

    tokenizer = byte_level_tokenizer()
    # Heads of size 32: vLLM's attention on a CPU knows no smaller ones.
    sizes = {"hidden_size": 64, "num_attention_heads": 2, "num_key_value_heads": 1}
    tiny_model("llama", len(tokenizer) + UNUSED, **sizes).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


_running: dict[Any, Any] = {}


def engine(folder: Path, *, engine_args: dict[str, Any] | None = None, **options: Any) -> Any:
    """Return a model over a folder, the one that is running where the arguments are the same.

    One runs at a time: an engine that is closed takes what it shares with others along.
    """
    from smc.backends.vllm import VLLMModel

    arguments = {**SMALL, **(engine_args or {})}
    key = (folder, *sorted({**arguments, **options}.items(), key=str))
    if key not in _running:
        _close()
        _running[key] = VLLMModel.load(
            str(folder), dtype="float32", engine_args=arguments, **options
        )
    return _running[key]


@atexit.register
def _close() -> None:
    while _running:
        _running.popitem()[1].close()


class Longer(smc.Potential):
    """Prefers long texts, more so at some lengths, so that weights differ and particles fork."""

    def prefix(self, text: str) -> float:
        """Return the log weight."""
        return 0.4 * len(text) + 0.9 * (len(text) % 3)

    def complete(self, text: str) -> float:
        """Return the log weight."""
        return self.prefix(text)


def walk_and_sample(model: LanguageModel) -> dict[str, Any]:
    """Grow rows with forks, drops and holds, then run SMC; return all that was drawn."""
    rng = np.random.default_rng(31)
    prompts = ("the cat", "one two three four five six seven one two three four five", "a")
    decoding = model.start(prompts, model.vocabulary, 20)
    rows, tokens, log_weights = 3, [], []
    for _ in range(5):
        plan = DrawRequest(np.sort(rng.integers(0, rows, 6)), rng.random(6), temperature=1.2)
        draws = decoding.draw(plan)
        tokens += draws.tokens.tolist()
        log_weights += draws.log_weights.tolist()
        chosen = rng.integers(0, 6, rows := 4)
        step = draws.tokens[chosen].copy()
        step[rng.random(rows) < 0.3] = HOLD
        decoding.advance(plan.rows[chosen], step)
    posterior = smc.sample(
        model, prompts[1], [Longer()], num_particles=5, max_tokens=8, ess_threshold=0.9, seed=2
    )
    return {
        "tokens": tokens,
        "log_weights": log_weights,
        "texts": [s.text for s in posterior.sequences],
        "posterior": posterior.log_weights.tolist(),
        "resampled": sum(step.resampled for step in posterior.history),
    }
