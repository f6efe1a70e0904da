"""Limits of a server: of single requests, of the queue, and of what runs at a time."""

from __future__ import annotations

from dataclasses import dataclass

from smc.errors import SettingsError
from smc.integrations.server.models import Served

_CHARS_A_TOKEN = 16
_LEAST_CHARS = 16_384
_MOST_CHARS = 1_000_000
_BYTES_A_CHAR = 6
r"""As `\u0041` in JSON."""
_OTHER_BYTES = 1 << 19
"""For a grammar or schema, messages' roles, and all other fields."""


@dataclass(frozen=True)
class ServerLimits:
    """What a server allows.

    Attributes:
        max_queue: Prompts that may wait; more are answered with 429.
        max_particles: Of one prompt.
        max_tokens: Of one text.
        max_batch_particles: Of all prompts that run at a time, unless a single one has more; of
            those that ask for the same registered potentials half as many. See `Lanes`.
        max_prefill_tokens: Of prompts that are read between two tokens of those that run, where the
            backend can read them in pieces.
        max_body_bytes: Of a request; less where the model's context is short, see `body_bytes`.
        max_prompt_chars: Of all prompts of a request, in characters or token ids, before they are
            tokenised. None: 16 for each token of the model's context (4 are usual), and a million
            where it has no limit.
        body_seconds: That a request's body may take to come.
        constraint_seconds: How long a request waits for its grammar, pattern or schema to be made;
            then it is answered with 503.
        potential_seconds: That a call of a registered potential may take; then its requests are
            answered with 503.
        stuck_seconds: That one token may take; then `/health` says that the engine is stuck.

    Raises:
        SettingsError: One of them is not above 0.
    """

    max_queue: int = 256
    max_particles: int = 256
    max_tokens: int = 4096
    max_batch_particles: int = 1024
    max_body_bytes: int = 4 << 20
    max_prompt_chars: int | None = None
    body_seconds: float = 30.0
    constraint_seconds: float = 30.0
    potential_seconds: float = 10.0
    stuck_seconds: float = 60.0
    max_prefill_tokens: int = 512

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise SettingsError(f"{name}: expected more than 0, got {value}.")

    def prompt_chars(self, served: Served) -> int:
        """Return how many characters the prompts of a request may have."""
        if self.max_prompt_chars is not None:
            return self.max_prompt_chars
        if served.context is None:
            return _MOST_CHARS
        return max(_LEAST_CHARS, _CHARS_A_TOKEN * served.context)

    def body_bytes(self, served: Served) -> int:
        """Return how long a request may be: no longer than what it may say needs."""
        return min(self.max_body_bytes, _OTHER_BYTES + _BYTES_A_CHAR * self.prompt_chars(served))
