"""A step model over any OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, hosted ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any, Literal

import numpy as np

from smc.backends.http import Endpoint
from smc.errors import EndpointError, PromptError, SettingsError
from smc.model import Prompt
from smc.steps.openai_replies import read_reply
from smc.steps.protocol import Extension, Solution

_OWN = frozenset(
    {"model", "prompt", "messages", "stop", "max_tokens", "seed", "temperature", "n", "stream"}
)
_CONTINUE: Mapping[str, Any] = {"add_generation_prompt": False, "continue_final_message": True}

_TRIMMED = (
    "endpoint: asked to go on behind the mark of a step, a chat gave nothing but the mark, twice; "
    "expected the next step. Does the server's chat template trim messages? Give the prompt as "
    "text with the template applied: tokenizer.apply_chat_template(…, tokenize=False)."
)


class OpenAISteps:
    r"""Steps of a model behind an endpoint.

    Text prompts go to `/completions`, chat messages to `/chat/completions`. A chat is gone on from
    with the solution so far as the assistant's message, which the server must be able to continue:
    vLLM and SGLang can, with the fields that `prefill` holds; where an endpoint continues a last
    assistant message without being told, give `prefill={}`. A chat template that trims messages
    (Llama 3's does) takes the mark away, which the model then writes again and again; that is
    reported. Apply such a template yourself, and give the text.

    Where a server does not say whether it stopped at the mark or because the text was at its end
    (vLLM and SGLang do), a text is taken to have an end only when nothing more comes. The model is
    then asked once more behind a mark that it may not have written. `cut="here"` avoids that: the
    server writes on to the end, and what is behind the mark is thrown away, and counted.

    What fails is tried again, see `Endpoint`; what keeps failing is reported in the extension, and
    the other solutions go on. Sampling is seeded by request, as far as the server respects it.

    Args:
        model: Name under which the server knows the model.
        url: Of the endpoint, up to and with `/v1`.
        mark: What a step ends with; it is kept.
        api_key: Of the server, if it wants one.
        max_step_tokens: A step that reaches it ends there, and the next goes on from it.
        temperature: Of the model; None: the server's default.
        max_concurrency: Requests at a time.
        timeout: See `Endpoint`.
        retries: See `Endpoint`.
        backoff: See `Endpoint`.
        cut: `server`: it is asked to stop at the mark (one that does not is cut here all the same);
            or `here`.
        prefill: Fields by which a chat's last message is continued.
        extra: Further fields of every request: `{"top_p": 0.95}`.

    Raises:
        SettingsError: A value outside its range.

    Example:
        >>> model = OpenAISteps("qwen", "http://localhost:8000/v1", mark="\n\n", temperature=0.7)
        >>> model.passes
        0
    """

    def __init__(
        self,
        model: str,
        url: str,
        *,
        mark: str = "\n\n",
        api_key: str | None = None,
        max_step_tokens: int = 2048,
        temperature: float | None = None,
        max_concurrency: int = 8,
        timeout: float = 300.0,
        retries: int = 4,
        backoff: float = 1.0,
        cut: Literal["server", "here"] = "server",
        prefill: Mapping[str, Any] = _CONTINUE,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        if not mark:
            raise SettingsError("mark: got an empty string; expected what a step ends with.")
        if max_concurrency < 1 or max_step_tokens < 1:
            raise SettingsError(
                "max_concurrency, max_step_tokens: expected whole numbers above 0, got "
                f"{max_concurrency!r} and {max_step_tokens!r}."
            )
        if cut not in ("server", "here"):
            raise SettingsError(f"cut: expected 'server' or 'here', got {cut!r}.")
        clash = sorted(_OWN & set(extra or {}))
        if clash:
            raise SettingsError(
                f"extra: {', '.join(clash)} are decided on here; expected other fields. Use "
                "the arguments of OpenAISteps and of the strategy."
            )
        self._endpoint = Endpoint(url.rstrip("/"), api_key, timeout, retries, backoff)
        self._model = model
        self._mark = mark
        self._max_step_tokens = max_step_tokens
        self._temperature = temperature
        self._max_concurrency = max_concurrency
        self._cuts = cut == "server"
        self._prefill = dict(prefill)
        self._extra = dict(extra or {})
        self._lock = Lock()
        self._passes = 0

    @property
    def passes(self) -> int:
        """One for each token that the server reports, and one for each request's prompt."""
        return self._passes

    def extend(
        self,
        prompt: Prompt,
        solutions: Sequence[Solution],
        *,
        rngs: Sequence[np.random.Generator],
        temperature: float | None = None,
        max_tokens: int | None = None,
        keep: Sequence[Solution] = (),
    ) -> list[Extension]:
        """Draw one step for each solution; see `StepModel.extend`.

        Raises:
            PromptError: The prompt is neither text nor chat messages.
        """
        at = self._temperature if temperature is None else temperature
        limit = max_tokens or self._max_step_tokens
        jobs = []
        for solution, rng in zip(solutions, rngs, strict=True):
            text = "".join(solution)
            path, body = self._asked(prompt, text)
            body |= {"max_tokens": limit, "seed": int(rng.integers(2**31))}
            if at is not None:
                body["temperature"] = at
            jobs.append((path, body, text))
        if not jobs:
            return []
        workers = min(self._max_concurrency, len(jobs))
        with ThreadPoolExecutor(workers, thread_name_prefix="smc-endpoint") as pool:
            return list(pool.map(self._extension, jobs))

    def _extension(self, job: tuple[str, Mapping[str, Any], str]) -> Extension:
        path, body, text = job
        try:
            extension = self._endpoint.ask(
                path, body, lambda reply: read_reply(reply, self._mark, cuts=self._cuts)
            )
        except EndpointError as error:
            return Extension("", False, 0, error=error)
        with self._lock:
            self._passes += extension.num_tokens + 1
        if "messages" in body and extension.step == self._mark and text.endswith(2 * self._mark):
            return dataclasses.replace(extension, step="", error=EndpointError(_TRIMMED))
        return extension

    def _asked(self, prompt: Prompt, text: str) -> tuple[str, dict[str, Any]]:
        """The path and the body of a request that goes on from a text."""
        body: dict[str, Any] = {"model": self._model, **self._extra}
        if self._cuts:
            body["stop"] = [self._mark]
        if isinstance(prompt, str):
            return "/completions", body | {"prompt": prompt + text}
        messages = list(prompt)
        if not messages or not all(isinstance(m, Mapping) for m in messages):
            raise PromptError(
                "prompt: an endpoint takes text or chat messages, not token ids; got "
                f"{str(prompt)[:80]}. Decode them first."
            )
        said = [dict(m) for m in messages if isinstance(m, Mapping)]
        if not text:
            return "/chat/completions", body | {"messages": said}
        said.append({"role": "assistant", "content": text})
        return "/chat/completions", body | self._prefill | {"messages": said}
