"""A writer over an OpenAI-compatible endpoint: one request a text, several at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import numpy as np

from smc.backends.http import Endpoint
from smc.errors import PromptError, SettingsError, SMCError
from smc.model import Prompt
from smc.steps.openai_replies import read_reply
from smc.strategies.arguments import at_least_one
from smc.strategies.writing.protocol import WrittenText

_OWN = frozenset(
    {"model", "prompt", "messages", "max_tokens", "seed", "temperature", "n", "stream"}
)
_NO_MARK = "\x00"
"""Nothing that a text holds: the answers are whole texts, and are not cut into steps."""


class EndpointWriter:
    """Writes with a model behind an endpoint: vLLM, SGLang, llama.cpp, hosted ones.

    Text prompts go to `/completions`, chat messages to `/chat/completions`. What fails is tried
    again, see `Endpoint`; what keeps failing is reported in the text, and the others go on.

    Args:
        model: Name under which the server knows the model.
        url: Of the endpoint, up to and with `/v1`.
        api_key: Of the server, if it wants one.
        max_tokens: Of a text.
        max_concurrency: Requests at a time.
        timeout: See `Endpoint`.
        retries: See `Endpoint`.
        backoff: See `Endpoint`.
        extra: Further fields of every request: `{"top_p": 0.95}`, or a constraint in the server's
            own words.

    Raises:
        SettingsError: A value outside its range.
    """

    def __init__(
        self,
        model: str,
        url: str,
        *,
        api_key: str | None = None,
        max_tokens: int = 2048,
        max_concurrency: int = 8,
        timeout: float = 300.0,
        retries: int = 4,
        backoff: float = 1.0,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        at_least_one(max_tokens=max_tokens, max_concurrency=max_concurrency)
        clash = sorted(_OWN & set(extra or {}))
        if clash:
            raise SettingsError(
                f"extra: {', '.join(clash)} are decided on here; expected other fields. Use the "
                "arguments of EndpointWriter and of the strategy."
            )
        self._endpoint = Endpoint(url.rstrip("/"), api_key, timeout, retries, backoff)
        self._model = model
        self._max_tokens = max_tokens
        self._max_concurrency = max_concurrency
        self._extra = dict(extra or {})
        self._lock = Lock()
        self._passes = 0

    @property
    def passes(self) -> int:
        """One for each token that the server reports, and one for each request's prompt."""
        return self._passes

    def write(
        self,
        prompts: Sequence[Prompt],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
    ) -> list[WrittenText]:
        """Write one text for each prompt; see `Writer.write`."""
        common: dict[str, Any] = {"model": self._model, **self._extra}
        common["max_tokens"] = max_tokens or self._max_tokens
        if temperature is not None:
            common["temperature"] = temperature
        jobs = [
            (prompt, common | {"seed": int(rng.integers(2**31))})
            for prompt, rng in zip(prompts, rngs, strict=True)
        ]
        if not jobs:
            return []
        workers = min(self._max_concurrency, len(jobs))
        with ThreadPoolExecutor(workers, thread_name_prefix="smc-writer") as pool:
            return list(pool.map(self._text, jobs))

    def _text(self, job: tuple[Prompt, dict[str, Any]]) -> WrittenText:
        prompt, body = job
        try:
            path, asked = _asked(prompt)
            reply = self._endpoint.ask(
                path,
                body | asked,
                lambda answer: (read_reply(answer, _NO_MARK, cuts=False), _reason(answer)),
            )
        except SMCError as error:
            return WrittenText("", False, 0, error=error)
        extension, reason = reply
        with self._lock:
            self._passes += extension.num_tokens + 1
        return WrittenText(
            extension.step,
            finished=reason == "stop",
            num_tokens=extension.num_tokens,
            truncated=reason == "length",
            error=extension.error,
        )


def _asked(prompt: Prompt) -> tuple[str, dict[str, Any]]:
    """The path and the prompt's own fields of a request."""
    if isinstance(prompt, str):
        return "/completions", {"prompt": prompt}
    messages = [dict(m) for m in prompt if isinstance(m, Mapping)]
    if not messages or len(messages) != len(prompt):
        raise PromptError(
            "prompt: an endpoint takes text or chat messages, not token ids; got "
            f"{json.dumps(prompt, default=str)[:80]}. Decode them first."
        )
    return "/chat/completions", {"messages": messages}


def _reason(answer: Any) -> Any:
    return answer["choices"][0].get("finish_reason")
