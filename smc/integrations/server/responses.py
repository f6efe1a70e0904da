"""Response bodies, in OpenAI's shapes, with weights and evidence beside them."""

from __future__ import annotations

import json
import math
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from smc.posterior import Posterior, TextSequence

DONE = "data: [DONE]\n\n"
"""The mark at the end of a stream."""


@dataclass(frozen=True)
class ResponseBuilder:
    """Shapes of one answer.

    Attributes:
        model: Name.
        chat: Whether the route is that of conversations.
        id: Of the answer.
        created: Seconds since 1970.
    """

    model: str
    chat: bool
    id: str = field(default_factory=lambda: f"smc-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def whole(
        self,
        posteriors: Sequence[Posterior],
        prompt_tokens: int,
        *,
        n: int,
        draw: bool,
        seed: int,
    ) -> dict[str, Any]:
        """Return the body of an answer that is not streamed.

        Args:
            posteriors: One for each prompt, none extinct.
            prompt_tokens: Of all prompts.
            n: Choices for each prompt.
            draw: Draw them by weight; else the n most probable texts, the last repeated where
                there are fewer.
            seed: Of the draws, and of the first prompt; the next one's is one more.
        """
        choices, completion_tokens = [], 0
        for posterior in posteriors:
            weight_of = posterior.probabilities()
            for text in _chosen(posterior, n, draw, seed):
                sequence = _sequence(posterior, text)
                completion_tokens += len(sequence.tokens)
                choices.append(
                    {
                        "index": len(choices),
                        **self._content(text),
                        "logprobs": None,
                        "finish_reason": _reason(sequence),
                        "weight": weight_of[text],
                    }
                )
        return {
            **self._head("chat.completion" if self.chat else "text_completion"),
            "choices": choices,
            "usage": _usage(prompt_tokens, completion_tokens),
            "smc": [_facts(p, seed + i) for i, p in enumerate(posteriors)],
        }

    def first(self) -> str:
        """Return the event that begins a stream: who speaks, and no text yet."""
        return self._piece({"role": "assistant", "content": ""}, "")

    def piece(self, text: str) -> str:
        """Return an event with a further piece of the settled text."""
        return self._piece({"content": text}, text)

    def last(self, posterior: Posterior, prompt_tokens: int, *, seed: int, usage: bool) -> str:
        """Return the event that ends a stream, one with the usage if asked for, and the mark."""
        sequence = _sequence(posterior, posterior.best or "")
        facts = {"smc": [_facts(posterior, seed)]}
        end = _event(self._chunk([self._choice({}, "", _reason(sequence))]) | facts)
        counted = self._chunk([]) | {"usage": _usage(prompt_tokens, len(sequence.tokens))}
        return end + (_event(counted) if usage else "") + DONE

    def _piece(self, delta: dict[str, str], text: str) -> str:
        return _event(self._chunk([self._choice(delta, text, None)]))

    def _choice(self, delta: dict[str, str], text: str, reason: str | None) -> dict[str, Any]:
        content = {"delta": delta} if self.chat else {"text": text}
        return {"index": 0, **content, "logprobs": None, "finish_reason": reason}

    def _content(self, text: str) -> dict[str, Any]:
        return {"message": {"role": "assistant", "content": text}} if self.chat else {"text": text}

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        kind = "chat.completion.chunk" if self.chat else "text_completion"
        return {**self._head(kind), "choices": choices}

    def _head(self, kind: str) -> dict[str, Any]:
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def error_body(message: str, kind: str, code: str | None = None) -> dict[str, Any]:
    """Return an error as OpenAI's clients expect it."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def error_event(body: dict[str, Any]) -> str:
    """Return an error as the end of a stream that has begun."""
    return _event(body) + DONE


def _chosen(posterior: Posterior, n: int, draw: bool, seed: int) -> list[str]:
    if draw:
        return posterior.sample(n, seed=np.random.default_rng([seed, 1]))
    texts = list(posterior.probabilities())[:n]
    return texts + texts[-1:] * (n - len(texts))


def _reason(sequence: TextSequence) -> str:
    return "length" if sequence.truncated else "stop"


def _usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


def _sequence(posterior: Posterior, text: str) -> TextSequence:
    """The heaviest particle with a text."""
    places = [i for i, s in enumerate(posterior.sequences) if s.text == text]
    return posterior.sequences[max(places, key=lambda i: posterior.log_weights[i])]


def _facts(posterior: Posterior, seed: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "log_evidence": posterior.log_evidence,
        "ess": posterior.ess,
        "status": posterior.status.value,
        "truncated_share": posterior.truncated_share,
        "texts": [s.text for s in posterior.sequences],
        "truncated": [s.truncated for s in posterior.sequences],
        "log_weights": [w if math.isfinite(w) else None for w in posterior.log_weights.tolist()],
        "particle_tokens": posterior.num_tokens,
    }


def _event(body: dict[str, Any]) -> str:
    return f"data: {json.dumps(body, ensure_ascii=False)}\n\n"
