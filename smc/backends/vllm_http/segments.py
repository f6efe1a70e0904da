"""Segments of a server's answer: tokens, and what each did to the weight."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from smc.backends.http import Passing
from smc.backends.vllm_http.fields import DEAD, PROBE
from smc.errors import ModelError


@dataclass(frozen=True)
class Segment:
    """Tokens drawn one after another.

    Attributes:
        tokens: Ids; −1 for a dead end, which is the last.
        log_weights: The increment of each.
    """

    tokens: tuple[int, ...]
    log_weights: tuple[float, ...]

    def rest(self) -> Segment:
        """Return what follows the first token."""
        return Segment(self.tokens[1:], self.log_weights[1:])


def read_segment(reply: Any, eos: Sequence[int]) -> Segment:
    """Return the segment of a completion.

    Args:
        reply: The JSON.
        eos: Ids that end a text.

    Raises:
        Passing: The answer makes no sense.
    """
    tokens, values = _tokens_and_values(reply)
    reason = reply["choices"][0].get("finish_reason")
    ends = [i for i, token in enumerate(tokens) if token in set(eos)]
    if (ends and ends[0] != len(tokens) - 1) or reason not in ("stop", "length"):
        raise Passing(f"a segment that ends at {ends} of {len(tokens)} tokens, for {reason!r}")
    if reason == "stop" and not ends:
        raise Passing(f"a segment that stopped at token {tokens[-1]}, which is no end")
    if values[-1] <= DEAD:
        return Segment((*tokens[:-1], -1), (*values[:-1], -math.inf))
    return Segment(tokens, values)


def probe(reply: Any, eos: Sequence[int]) -> Segment:
    """Return the segment of a probe.

    Raises:
        ModelError: The server does not run the processor, or hides its values.
        Passing: The answer makes no sense.
    """
    tokens, values = _tokens_and_values(reply)
    if any(value != PROBE for value in values):
        raise ModelError(
            f"server: a probe came back with logprob {values[0]:.4g}; expected {PROBE}. Start it "
            "with --logits-processors smc.integrations.vllm_server.processor:SegmentProcessor and "
            "--logprobs-mode processed_logits."
        )
    return Segment(tokens, values)


def _tokens_and_values(reply: Any) -> tuple[tuple[int, ...], tuple[float, ...]]:
    try:
        choice: Mapping[str, Any] = reply["choices"][0]
        tokens, values = choice["token_ids"], choice["logprobs"]["token_logprobs"]
    except (TypeError, KeyError, IndexError) as error:
        raise Passing(f"the answer has no token ids with logprobs: {str(reply)[:200]}") from error
    numbers = isinstance(tokens, list) and isinstance(values, list)
    if not numbers or not tokens or len(tokens) != len(values):
        raise Passing(f"token ids {str(tokens)[:80]} with logprobs {str(values)[:80]}")
    if not all(isinstance(t, int) for t in tokens):
        raise Passing(f"token ids {str(tokens)[:80]}")
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in values):
        raise Passing(f"logprobs {str(values)[:80]}")
    return tuple(tokens), tuple(float(v) for v in values)
