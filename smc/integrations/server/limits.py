"""Limits of a server: of single requests, of the queue, and of what runs at a time."""

from __future__ import annotations

from dataclasses import dataclass

from smc.errors import SettingsError


@dataclass(frozen=True)
class ServerLimits:
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
