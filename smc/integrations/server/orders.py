"""From a request to orders for the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from smc.errors import SettingsError
from smc.integrations.server.jobs import Order
from smc.integrations.server.models import Served
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.potential import AnyPotential
from smc.settings import Settings, method_settings


@dataclass(frozen=True)
class Limits:
    """What a server allows.

    Attributes:
        max_queue: Prompts that may wait; more are answered with 429.
        max_particles: Of one prompt.
        max_tokens: Of one text.
        max_batch_particles: Of all prompts that run at a time, unless a single one has more.
        max_body_bytes: Of a request.
        constraint_seconds: How long a request waits for its grammar, pattern or schema to be made;
            then it is answered with 503.

    Raises:
        SettingsError: One of them is not above 0.
    """

    max_queue: int = 256
    max_particles: int = 256
    max_tokens: int = 4096
    max_batch_particles: int = 1024
    max_body_bytes: int = 4 << 20
    constraint_seconds: float = 30.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value <= 0:
                raise SettingsError(f"{name}: expected more than 0, got {value}.")


def orders(
    served: Served,
    limits: Limits,
    body: CompletionRequest | ChatRequest,
    constraint: Sequence[AnyPotential],
) -> list[Order]:
    """Return an order for each prompt of a request.

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
    first = Order(
        prompt=(),
        potentials=[*constraint, *_registered(served, body.potentials)],
        settings=settings,
        stop=tuple(body.stop or ()),
        warp=(body.temperature, body.top_p, body.top_k),
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
