"""Sampling requests: what the engine is to do for each prompt of a client's request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smc.errors import PromptError, SettingsError
from smc.integrations.server.jobs import GREEDY, PLAIN, SamplingRequest, Scored
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.models import Served
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.tokenize_requests import TokenizeRequest
from smc.potential import AnyPotential
from smc.settings import Settings, method_settings


def prompt_size(body: CompletionRequest | ChatRequest | TokenizeRequest, most: int) -> int:
    """Return the characters, or token ids, of all prompts of a request.

    Args:
        body: The request.
        most: That there may be.

    Raises:
        PromptError: There are more.
    """
    size = body.prompt_size
    if size > most:
        raise PromptError(
            f"prompt: {size} characters do not fit the model's context; this server takes at most "
            f"{most} in a request. Shorten it."
        )
    return size


def sampling_requests(
    served: Served,
    limits: ServerLimits,
    body: CompletionRequest | ChatRequest,
    potentials: Sequence[AnyPotential],
) -> list[SamplingRequest]:
    """Return what the engine is to do, for each prompt of a client's request.

    Args:
        served: The model.
        limits: Of requests.
        body: The request.
        potentials: What its grammar, pattern or schema was made into, and the registered ones.

    Raises:
        SettingsError: A limit is exceeded.
        PromptError: A prompt cannot be encoded, or does not fit.
    """
    for name, asked, allowed in (
        ("particles", body.particles, limits.max_particles),
        ("max_tokens", body.max_tokens, limits.max_tokens),
    ):
        if asked > allowed:
            raise SettingsError(f"{name}: {asked} is more than this server's {allowed}.")
    free = Settings(
        num_particles=body.particles,
        max_tokens=body.max_tokens,
        ess_threshold=body.ess_threshold,
        resampling=body.resampling,
        at_max_tokens=body.at_max_tokens,
    )
    settings = method_settings(body.method, free)
    prompts = [served.encode(prompt, body.max_tokens) for prompt in body.prompts]
    first = SamplingRequest(
        prompt=(),
        potentials=[*potentials, *_prices(served, body)],
        settings=settings,
        stop=tuple(body.stop or ()),
        parameters=(body.temperature or GREEDY, body.top_p, body.top_k),
        seed=body.seed,
        registered=frozenset(body.potentials),
        scored=_scored(body),
    )
    return [replace(first, prompt=p, seed=body.seed + i) for i, p in enumerate(prompts)]


def _scored(body: CompletionRequest | ChatRequest) -> Scored | None:
    top = body.top_of_logprobs
    if top is None:
        return None
    return Scored(top, body.n, body.answer == "draw", echo=body.echoes)


def _prices(served: Served, body: CompletionRequest | ChatRequest) -> list[AnyPotential]:
    """Return the potential of biases and penalties on tokens, if the request has any.

    They are of logits before the temperature divides these, so it divides them, too.

    Raises:
        SettingsError: A bias is of an id that is no text, or ends one.
    """
    from potentials.token_bias import TokenBias

    if not (body.logit_bias or body.presence_penalty or body.frequency_penalty):
        return []
    cold = 1 / (body.temperature or GREEDY)
    prices = TokenBias(
        {token: cold * value for token, value in body.logit_bias.items()},
        presence=cold * body.presence_penalty,
        frequency=cold * body.frequency_penalty,
    )
    try:
        prices.bind(served.at(PLAIN).vocabulary.ending_with(tuple(body.stop or ())))
    except SettingsError as error:
        raise SettingsError(f"logit_bias: {error}") from error
    return [prices]
