"""The request handler: have the request read, queue its jobs, wait or stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from smc.integrations.server import errors
from smc.integrations.server.errors import JobResult
from smc.integrations.server.formats import Builder, builder_of, stream_of
from smc.integrations.server.jobs import (
    Job,
    QueueFull,
    SamplingRequest,
    ShuttingDown,
    TextUpdate,
)
from smc.integrations.server.lanes import Lanes
from smc.integrations.server.logprobs import LogProbs, echoed
from smc.integrations.server.metrics import Metrics
from smc.integrations.server.models import Served
from smc.integrations.server.pools import WorkPools
from smc.integrations.server.reading import RequestReader
from smc.integrations.server.request_log import reference_of
from smc.integrations.server.requests import ChatRequest, CompletionRequest
from smc.integrations.server.responses_api.request import ResponsesRequest
from smc.integrations.server.tokenize_requests import DetokenizeRequest, TokenizeRequest
from smc.integrations.server.waiting import JobStream, in_loop, wait_for
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential

News = str | TextUpdate | JobResult
"""Of a stream: a piece of settled text, a change of the leading one, or the end."""
Asked = TypeVar("Asked", CompletionRequest, ChatRequest, ResponsesRequest)
Telling = TypeVar("Telling", TokenizeRequest, DetokenizeRequest)


@dataclass(frozen=True)
class RequestHandler:
    """Answers the requests of one server.

    Attributes:
        served: The model.
        metrics: Where counts go.
        lanes: The engine.
        reader: Of requests.
        pools: Where answers are written.
    """

    served: Served
    metrics: Metrics
    lanes: Lanes
    reader: RequestReader
    pools: WorkPools

    async def answer(self, request: Request, kind: type[Asked]) -> Response:
        """Answer a request; whatever is wrong with it is an answer too.

        Raises:
            HTTPException: Its body is too long, too slow, or of another type.
        """
        reference = reference_of(request)
        try:
            given = await self.reader.body(request, kind)
            body = given.as_chat() if isinstance(given, ResponsesRequest) else given
            builder = builder_of(given, body, reference)
            refused = self.reader.refused(body.model, chat=isinstance(body, ChatRequest))
            if refused is not None:
                return refused
            constraint = await self.reader.constraint(body)
            asked = await self.reader.sampling_requests(body, constraint)
        except HTTPException:
            raise
        except Exception as problem:
            return errors.of_request(problem, reference)
        return await self._run(asked, constraint, body, request, builder)

    async def tokenize(self, request: Request) -> Response:
        """Answer with the token ids of a prompt.

        Raises:
            HTTPException: As for `answer`.
        """

        async def ids_of(body: TokenizeRequest) -> dict[str, Any]:
            size, (prompt,) = self.reader.size(body), body.prompts
            ids = await self.pools.run(size, lambda: self.served.encode(prompt, 0))
            return {"count": len(ids), "max_model_len": self.served.context, "tokens": ids}

        return await self._told(request, TokenizeRequest, ids_of)

    async def detokenize(self, request: Request) -> Response:
        """Answer with the text of token ids.

        Raises:
            HTTPException: As for `answer`.
        """

        async def text_of(body: DetokenizeRequest) -> dict[str, Any]:
            ids = body.tokens
            return {"prompt": await self.pools.run(len(ids), lambda: self.served.decode(ids))}

        return await self._told(request, DetokenizeRequest, text_of)

    async def _told(
        self,
        request: Request,
        kind: type[Telling],
        tell: Callable[[Telling], Awaitable[dict[str, Any]]],
    ) -> Response:
        """Answer a request that the engine need not know of."""
        try:
            body = await self.reader.body(request, kind)
            name = body.model or self.served.name
            refused = self.reader.refused(name, chat=body.is_chat)
            return refused or JSONResponse(await tell(body))
        except HTTPException:
            raise
        except Exception as problem:
            return errors.of_request(problem, reference_of(request))

    async def _run(
        self,
        asked: Sequence[SamplingRequest],
        constraint: Sequence[AnyPotential],
        body: CompletionRequest | ChatRequest,
        request: Request,
        builder: Builder,
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
        builder: Builder,
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
        builder: Builder,
        news: asyncio.Queue[News],
        constraint: Sequence[AnyPotential],
        job: Job,
        *,
        usage: bool,
    ) -> AsyncIterator[str]:
        """Yield text as it comes, then how it ended."""
        stream = stream_of(builder, usage=usage)
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
        self, result: JobResult, constraint: Sequence[AnyPotential], builder: Builder
    ) -> JSONResponse | None:
        if isinstance(result, Posterior) and result.status is Status.EXTINCT:
            self.metrics.extinct.inc()
        return errors.failure(result, constraint, builder.id)
