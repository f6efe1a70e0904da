"""`generate` of transformers as a peer: N sequences of one prompt, each with keys of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_STEPS = 8
"""Tokens where the keys and values are given: steps are all that is measured."""


class GeneratePeer:
    """Plain sampling on a network.

    Args:
        network: A causal model.
        now: The clock.
    """

    def __init__(self, network: Any, now: Callable[[], float]) -> None:
        self._network = network
        self._now = now

    def times(self, prompt: list[int], rows: int, tokens: int) -> tuple[float, float]:
        """Return the seconds of the whole, and the median between two tokens."""
        return self._run(prompt, rows, tokens, {"num_return_sequences": rows})

    def step(self, prompt: list[int], rows: int) -> float:
        """Return the median seconds between two tokens; the prompt is read once for all rows."""
        import torch

        ids = torch.tensor([prompt[:-1]], device=self._network.device)
        with torch.inference_mode():
            cache = self._network(ids, use_cache=True, logits_to_keep=1).past_key_values
            cache.batch_repeat_interleave(rows)
        return self._run(prompt, rows, _STEPS, {"past_key_values": cache})[1]

    def _run(
        self, prompt: list[int], rows: int, tokens: int, how: dict[str, Any]
    ) -> tuple[float, float]:
        import torch

        ids = torch.tensor([prompt], device=self._network.device)
        if "past_key_values" in how:
            ids = ids.repeat(rows, 1)
        times: list[float] = []

        def note(ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
            times.append(self._now())
            return scores

        began = self._now()
        with torch.inference_mode():
            self._network.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=0,
                top_p=1.0,
                temperature=1.0,
                max_new_tokens=tokens,
                min_new_tokens=tokens,
                logits_processor=[note],
                pad_token_id=0,
                **how,
            )
        return self._now() - began, float(np.median(np.diff(times)))
