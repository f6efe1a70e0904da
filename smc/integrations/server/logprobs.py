"""Log probabilities in OpenAI's shapes: of conversations, and the older one of completions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from smc.ranking import TokenLogProb

_LEAST = -9999.0
"""In the place of −inf, which JSON has not; as other servers write it."""

TokenBytes = Callable[[int], bytes]
"""From a token's id to what it stands for."""


@dataclass(frozen=True)
class LogProbs:
    """What an answer tells of the tokens of its texts.

    Attributes:
        scores: By text: of its tokens, and with `echo` of those of the prompt but the first.
        token_bytes: Names tokens.
        echo: The prompt's token ids where the answer repeats it, else none.
    """

    scores: dict[str, list[TokenLogProb]]
    token_bytes: TokenBytes
    echo: tuple[int, ...] = ()

    def of_message(self, text: str) -> dict[str, Any]:
        """Return the `logprobs` of a choice of a conversation: of the tokens of the text alone."""
        content, left = [], len(text.encode())
        for score in self.scores[text]:
            if left <= 0:  # ends, and tokens of stop strings
                break
            content.append(
                self._named(score.token, score.log_prob)
                | {"top_logprobs": [self._named(*best) for best in score.top]}
            )
            left -= len(self.token_bytes(score.token))
        return {"content": content, "refusal": None}

    def of_completion(self, text: str) -> dict[str, Any]:
        """Return the `logprobs` of a choice of a completion: of all tokens that were drawn."""
        scores = self.scores[text]
        first = [self.token_bytes(self.echo[0])] if self.echo else []
        names = [*first, *(self.token_bytes(s.token) for s in scores)]
        tops = [
            {_shown(self.token_bytes(i)): _finite(p) for i, p in reversed(score.top)}
            | {_shown(self.token_bytes(score.token)): _finite(score.log_prob)}
            for score in scores
        ]
        offsets, so_far = [], b""
        for name in names:
            offsets.append(len(so_far.decode("utf-8", "ignore")))
            so_far += name
        return {
            "tokens": [_shown(name) for name in names],
            "token_logprobs": [None] * len(first) + [_finite(s.log_prob) for s in scores],
            "top_logprobs": [None] * len(first) + tops,
            "text_offset": offsets,
        }

    def _named(self, token: int, log_prob: float) -> dict[str, Any]:
        name = self.token_bytes(token)
        return {
            "token": name.decode("utf-8", "replace"),
            "logprob": _finite(log_prob),
            "bytes": list(name),
        }


def echoed(prompt: Any, ids: Sequence[int], token_bytes: TokenBytes) -> str:
    """Return the text of a prompt, which is one or token ids."""
    if isinstance(prompt, str):
        return prompt
    return b"".join(map(token_bytes, ids)).decode("utf-8", "replace")


def _finite(log_prob: float) -> float:
    return log_prob if math.isfinite(log_prob) else _LEAST


def _shown(name: bytes) -> str:
    """Return a token's name; one that is no text is told by its bytes, as OpenAI does."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        return "bytes:" + "".join(f"\\x{byte:02x}" for byte in name)
