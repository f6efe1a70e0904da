"""vLLM's own parallel sampling (`n=`) as a peer: N sequences of one prompt, nothing constrained.

In this process, by the interpreter of an environment with vLLM (`make vllm-env`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

_ENVIRONMENT = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}


class VLLMPeer:
    """An engine of vLLM's for one model.

    Args:
        model: Folder or name.
        dtype: `bfloat16`, `float32`, ….
        rows: The most sequences at once.
        length: The most tokens of one, the prompt's among them.
        now: The clock.
    """

    def __init__(
        self, model: str, dtype: str, rows: int, length: int, now: Callable[[], float]
    ) -> None:
        from smc.backends.vllm_local.start import start_plain_llm

        for name, value in _ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        self._now = now
        self._llm = start_plain_llm(
            model,
            {
                "dtype": dtype,
                "max_num_seqs": rows,
                "max_model_len": length,
                "kv_cache_memory_bytes": 2**31,
            },
        )

    @staticmethod
    def is_there() -> bool:
        """Whether this interpreter has vLLM."""
        return find_spec("vllm") is not None

    def times(self, prompt: list[int], rows: int, tokens: int) -> tuple[float, float]:
        """Return the seconds of the whole, the prompt's reading included, and those of a step.

        A step is what a further token costs: the difference of two runs behind a prompt that has
        been read.
        """
        self._llm.reset_prefix_cache()
        whole = self._seconds(prompt, rows, tokens)
        one = self._seconds(prompt, rows, 1)
        again = self._seconds(prompt, rows, tokens)
        return whole, (again - one) / (tokens - 1)

    def _seconds(self, prompt: list[int], rows: int, tokens: int) -> float:
        from vllm.sampling_params import (  # pyright: ignore[reportMissingImports]
            SamplingParams,
        )

        params: Any = SamplingParams(
            n=rows, temperature=1.0, max_tokens=tokens, ignore_eos=True, detokenize=False
        )
        began = self._now()
        self._llm.generate({"prompt_token_ids": list(prompt)}, params, use_tqdm=False)
        return self._now() - began
