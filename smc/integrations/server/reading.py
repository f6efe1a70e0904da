"""Reading requests: their bodies, constraints and prompts, each within its limits."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from smc.integrations.server import errors
from smc.integrations.server.bodies import parsed, read_body
from smc.integrations.server.constraint_cache import ConstraintCache
from smc.integrations.server.jobs import SamplingRequest
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.models import Served
from smc.integrations.server.pools import WorkPools
from smc.integrations.server.registered import RegisteredPotentials
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.sampling_requests import prompt_size, sampling_requests
from smc.integrations.server.tokenize_requests import TokenizeRequest
from smc.potential import AnyPotential

Body = TypeVar("Body", bound=BaseModel)


@dataclass(frozen=True)
class RequestReader:
    """Reads the requests of one server.

    Attributes:
        served: The model.
        limits: Of requests.
        constraints: Makes their constraints.
        registered: The server's own potentials.
        pools: Where they are read and tokenised.
    """

    served: Served
    limits: ServerLimits
    constraints: ConstraintCache
    registered: RegisteredPotentials
    pools: WorkPools

    def refused(self, model: str, *, chat: bool) -> Response | None:
        """Return why a model does not answer; None where it does."""
        if model not in self.served.names:
            return errors.not_served(model, self.served.names)
        if chat and not self.served.can_chat:
            return errors.invalid(f"{self.served.name} has no chat template")
        return None

    async def body(self, request: Request, kind: type[Body]) -> Body:
        """Return the body of a request.

        Raises:
            HTTPException: It is too long, too slow, or of another type.
            ValueError: It is malformed.
        """
        sent_as = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent_as != "application/json":  # a page of another site can send the others unasked
            raise HTTPException(
                415, f"Content-Type: expected application/json, got {sent_as[:80] or 'none'!r}"
            )
        most = self.limits.body_bytes(self.served)
        raw = await read_body(request, most, self.limits.body_seconds)
        return await self.pools.run(len(raw), lambda: kind.model_validate(parsed(raw)))

    async def constraint(self, body: CompletionRequest | ChatRequest) -> Sequence[AnyPotential]:
        """Return what the request's grammar, pattern or schema means.

        Raises:
            GrammarError: It is malformed, or takes too much to make.
            QueueFull: Too many wait to be made.
            TimeoutError: It is not made within the limit.
        """
        asked = body.constraint()
        if asked is None:
            return ()
        made = asyncio.wrap_future(self.constraints.make(*asked))
        # Not cancelled: others may wait for the same one, and this client may come back for it.
        await asyncio.wait({made}, timeout=self.limits.constraint_seconds)
        if not made.done():
            made.add_done_callback(lambda late: late.exception())  # nobody waits for it here
            raise TimeoutError
        return made.result()

    async def sampling_requests(
        self, body: CompletionRequest | ChatRequest, constraint: Sequence[AnyPotential]
    ) -> Sequence[SamplingRequest]:
        """Return what the engine is to do.

        Raises:
            SettingsError: A limit is exceeded, or a potential not registered.
            PromptError: A prompt cannot be encoded, or does not fit.
            QueueFull: Too many wait to be tokenised.
        """
        size = self.size(body)
        potentials = [*constraint, *self.registered.named(body.potentials)]
        return await self.pools.run(
            size, partial(sampling_requests, self.served, self.limits, body, potentials)
        )

    def size(self, body: CompletionRequest | ChatRequest | TokenizeRequest) -> int:
        """Return the size of a request's prompts.

        Raises:
            PromptError: It is more than is allowed.
        """
        return prompt_size(body, self.limits.prompt_chars(self.served))
