"""Sampling requests: what the engine is to do for each prompt of a client's request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smc.errors import SettingsError
from smc.integrations.server.jobs import SamplingRequest
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.models import Served
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.potential import AnyPotential
from smc.settings import Settings, method_settings


def sampling_requests(
    served: Served,
    limits: ServerLimits,
    body: CompletionRequest | ChatRequest,
    constraint: Sequence[AnyPotential],
) -> list[SamplingRequest]:
    """Return what the engine is to do, for each prompt of a client's request.

    Args:
        served: The model.
        limits: Of requests.
        body: The request.
        constraint: What its grammar, pattern or schema was made into.

    Raises:
        SettingsError: A limit is exceeded, or a potential unknown.
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
    )
    settings = method_settings(body.method, free)
    prompts = [served.encode(prompt, body.max_tokens) for prompt in body.prompts]
    first = SamplingRequest(
        prompt=(),
        potentials=[*constraint, *_registered(served, body.potentials)],
        settings=settings,
        stop=tuple(body.stop or ()),
        parameters=(body.temperature, body.top_p, body.top_k),
        seed=body.seed,
    )
    return [replace(first, prompt=p, seed=body.seed + i) for i, p in enumerate(prompts)]


def _registered(served: Served, names: Sequence[str]) -> list[AnyPotential]:
    for name in names:
        if name not in served.potentials:
            known = ", ".join(sorted(served.potentials)) or "none"
            raise SettingsError(
                f"potentials: {name!r} is not registered here; expected one of: {known}."
            )
    return [served.potentials[name] for name in names]
