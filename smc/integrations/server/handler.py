"""The request handler: read the request, make its constraint, queue its jobs, wait or stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from smc.integrations.server import errors
from smc.integrations.server.bodies import parsed, read_body
from smc.integrations.server.constraint_cache import ConstraintCache
from smc.integrations.server.errors import JobResult
from smc.integrations.server.jobs import (
    Job,
    QueueFull,
    SamplingRequest,
    ShuttingDown,
    TextUpdate,
)
from smc.integrations.server.lanes import Lanes
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.logprobs import LogProbs, echoed
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.models import Served
from smc.integrations.server.pools import WorkPools
from smc.integrations.server.registered import RegisteredPotentials
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.responses import ResponseBuilder
from smc.integrations.server.sampling_requests import prompt_size, sampling_requests
from smc.integrations.server.streams import ChoiceStream
from smc.integrations.server.tokenize_requests import TokenizeRequest
from smc.integrations.server.waiting import JobStream, in_loop, wait_for
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential

News = str | TextUpdate | JobResult
"""Of a stream: a piece of settled text, a change of the leading one, or the end."""
Body = TypeVar("Body", bound=CompletionRequest | ChatRequest | TokenizeRequest)


@dataclass(frozen=True)
class RequestHandler:
    """Answers the requests of one server.

    Attributes:
        served: The model.
        limits: Of requests and of the queue.
        metrics: Where counts go.
        lanes: The engine.
        constraints: Makes the constraints of requests.
        registered: The server's own potentials.
        pools: Where requests are read, tokenised, and answers written.
    """

    served: Served
    limits: ServerLimits
    metrics: Metrics
    lanes: Lanes
    constraints: ConstraintCache
    registered: RegisteredPotentials
    pools: WorkPools

    async def answer(
        self, request: Request, kind: type[CompletionRequest] | type[ChatRequest]
    ) -> Response:
        """Answer a request; whatever is wrong with it is an answer too.

        Raises:
            HTTPException: Its body is too long, too slow, or of another type.
        """
        chat = kind is ChatRequest
        builder = ResponseBuilder(self.served.name, chat)
        try:
            body = await self._body(request, kind)
            refused = self._refused(body.model, chat)
            if refused is not None:
                return refused
            calls = isinstance(body, ChatRequest) and body.call_rules() is not None
            builder = replace(builder, model=body.model, calls=calls)
            constraint = await self._constraint(body)
            asked = await self._sampling_requests(body, constraint)
        except HTTPException:
            raise
        except Exception as problem:
            return errors.of_request(problem, builder.id)
        return await self._run(asked, constraint, body, request, builder)

    async def tokenize(self, request: Request) -> Response:
        """Answer with the token ids of a prompt.

        Raises:
            HTTPException: As for `answer`.
        """
        builder = ResponseBuilder(self.served.name, chat=False)
        try:
            body = await self._body(request, TokenizeRequest)
            refused = self._refused(body.model or self.served.name, body.messages is not None)
            if refused is not None:
                return refused
            size = prompt_size(body, self.limits.prompt_chars(self.served))
            (prompt,) = body.prompts
            ids = await self.pools.run(size, lambda: self.served.encode(prompt, 0))
        except HTTPException:
            raise
        except Exception as problem:
            return errors.of_request(problem, builder.id)
        told = {"count": len(ids), "max_model_len": self.served.context, "tokens": ids}
        return JSONResponse(told)

    def _refused(self, model: str, chat: bool) -> Response | None:
        if model not in self.served.names:
            return errors.not_served(model, self.served.names)
        if chat and not self.served.can_chat:
            return errors.invalid(f"{self.served.name} has no chat template")
        return None

    async def _body(self, request: Request, kind: type[Body]) -> Body:
        sent_as = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent_as != "application/json":  # a page of another site can send the others unasked
            raise HTTPException(
                415, f"Content-Type: expected application/json, got {sent_as[:80] or 'none'!r}"
            )
        most = self.limits.body_bytes(self.served)
        raw = await read_body(request, most, self.limits.body_seconds)
        return await self.pools.run(len(raw), lambda: kind.model_validate(parsed(raw)))

    async def _constraint(self, body: CompletionRequest | ChatRequest) -> Sequence[AnyPotential]:
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

    async def _sampling_requests(
        self, body: CompletionRequest | ChatRequest, constraint: Sequence[AnyPotential]
    ) -> Sequence[SamplingRequest]:
        size = prompt_size(body, self.limits.prompt_chars(self.served))
        potentials = [*constraint, *self.registered.named(body.potentials)]
        return await self.pools.run(
            size, partial(sampling_requests, self.served, self.limits, body, potentials)
        )

    async def _run(
        self,
        asked: Sequence[SamplingRequest],
        constraint: Sequence[AnyPotential],
        body: CompletionRequest | ChatRequest,
        request: Request,
        builder: ResponseBuilder,
    ) -> Response:
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[JobResult]] = [loop.create_future() for _ in asked]
        news: asyncio.Queue[News] = asyncio.Queue()

        if body.stream:
            tell = in_loop(loop, news.put_nowait)
            leads = body.stream_leading
            on_text, on_update = (None, tell) if leads else (tell, None)
            jobs = [Job(asked[0], on_done=tell, on_text=on_text, on_update=on_update)]
        else:
            jobs = [
                Job(sampling, in_loop(loop, lambda r, f=future: f.done() or f.set_result(r)))
                for sampling, future in zip(asked, futures, strict=True)
            ]
        try:
            self.lanes.submit(jobs)
        except QueueFull:
            return errors.busy("the queue")
        except ShuttingDown:
            return errors.closing()
        if body.stream:
            usage = body.stream_options is not None and body.stream_options.include_usage
            events = self._events(builder, news, constraint, jobs[0], usage=usage)
            return JobStream(events, jobs[0])
        if not await wait_for(futures, jobs, request):
            return errors.gone()
        return await self._whole([f.result() for f in futures], jobs, constraint, body, builder)

    async def _whole(
        self,
        results: Sequence[JobResult],
        jobs: Sequence[Job],
        constraint: Sequence[AnyPotential],
        body: CompletionRequest | ChatRequest,
        builder: ResponseBuilder,
    ) -> Response:
        """Return the answer, or the first error."""
        for result in results:
            failed = self._failure(result, constraint, builder)
            if failed is not None:
                return failed
        posteriors = [p for p in results if isinstance(p, Posterior)]
        write = partial(
            builder.whole,
            posteriors,
            sum(len(job.request.prompt) for job in jobs),
            n=body.n,
            draw=body.answer == "draw",
            seed=body.seed,
            logprobs=[self._logprobs(job) for job in jobs] if jobs[0].request.scored else None,
            echoes=self._echoes(body, jobs) if body.echoes else None,
        )
        size = sum(p.num_tokens for p in posteriors)
        try:
            return await self.pools.run(size, lambda: JSONResponse(write()))
        except QueueFull:
            return errors.busy("the queue of answers to be written")

    async def _events(
        self,
        builder: ResponseBuilder,
        news: asyncio.Queue[News],
        constraint: Sequence[AnyPotential],
        job: Job,
        *,
        usage: bool,
    ) -> AsyncIterator[str]:
        """Yield text as it comes, then how it ended."""
        stream = ChoiceStream(builder, usage=usage)
        yield stream.first()
        while not isinstance(item := await news.get(), Posterior | BaseException):
            yield stream.update(item) if isinstance(item, TextUpdate) else stream.piece(item)
        failed = self._failure(item, constraint, builder)
        if failed is not None:
            yield stream.failed(json.loads(bytes(failed.body)))
        elif isinstance(item, Posterior):
            asked = job.request
            scores = self._logprobs(job) if asked.scored else None
            yield stream.last(item, len(asked.prompt), seed=asked.seed, logprobs=scores)

    def _logprobs(self, job: Job) -> LogProbs:
        asked = job.request
        echo = asked.prompt if asked.scored and asked.scored.echo else ()
        return LogProbs(job.scores, self.served.token_bytes, echo)

    def _echoes(self, body: CompletionRequest | ChatRequest, jobs: Sequence[Job]) -> list[str]:
        name = self.served.token_bytes
        pairs = zip(body.prompts, jobs, strict=True)
        return [echoed(prompt, job.request.prompt, name) for prompt, job in pairs]

    def _failure(
        self, result: JobResult, constraint: Sequence[AnyPotential], builder: ResponseBuilder
    ) -> JSONResponse | None:
        if isinstance(result, Posterior) and result.status is Status.EXTINCT:
            self.metrics.extinct.inc()
        return errors.failure(result, constraint, builder.id)
