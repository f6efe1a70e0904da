"""Strategies behind the server: a request with `strategy` is a search over steps of its engine."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse

from smc.errors import SettingsError
from smc.integrations.answers import answer_of
from smc.integrations.server import errors
from smc.integrations.server.jobs import GREEDY, PLAIN, QueueFull
from smc.integrations.server.lane_steps import Cancelled, LaneSteps
from smc.integrations.server.lanes import Lanes
from smc.integrations.server.limits import ServerLimits
from smc.integrations.server.models import Served
from smc.integrations.server.responses import ResponseBuilder, usage_of
from smc.integrations.server.turns import Turn
from smc.model import Prompt
from smc.steps import Solution, StepScorer
from smc.strategies.judges import JUDGES, as_judge
from smc.strategies.likelihood_judge import LikelihoodJudge
from smc.strategies.results import StrategyResult
from smc.strategies.solve import solve

_RUNS = 4
"""Strategies that run at a time; each has a thread, which mostly waits for the engine."""
_MOST_WAITING = 64
_LOOK_SECONDS = 0.2


@dataclass(frozen=True)
class _InTurn:
    """A judge that computes in its turn, as the lanes of the engine do."""

    scorer: StepScorer
    turn: Turn

    @property
    def passes(self) -> int:
        return self.scorer.passes

    @property
    def tokens(self) -> int:
        return self.scorer.tokens

    def clear(self) -> None:
        forget = getattr(self.scorer, "clear", None)
        if forget is not None:
            forget()

    def scores(self, prompt: Prompt, solutions: Sequence[Solution]) -> list[tuple[float, ...]]:
        with self.turn:
            return self.scorer.scores(prompt, solutions)


class StrategyRuns:
    """Runs the strategies of one server's requests."""

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(_RUNS, thread_name_prefix="strategy")
        self._waiting = 0

    async def answer(
        self,
        body: Any,
        request: Request,
        builder: ResponseBuilder,
        served: Served,
        lanes: Lanes,
        limits: ServerLimits,
    ) -> Response:
        """Answer a request that has a strategy, or say why there is no answer.

        Args:
            body: Of either route, with the fields of `StrategyFields`.
            request: Whose client may go away.
            builder: Of the answer.
            served: The model, and the server's reward models.
            lanes: The engine.
            limits: Of requests.

        Raises:
            SettingsError, PromptError: The request asks for too much, or for what there is not.
        """
        for name, asked, allowed in (
            ("budget", body.budget, limits.max_particles),
            ("max_tokens", body.max_tokens, limits.max_tokens),
        ):
            if asked > allowed:
                raise SettingsError(f"{name}: {asked} is more than this server's {allowed}.")
        if self._waiting >= _MOST_WAITING:
            return errors.busy("the queue of strategies")
        gone = threading.Event()
        loop = asyncio.get_running_loop()
        self._waiting += 1
        try:
            run = loop.run_in_executor(self._executor, lambda: _solved(body, served, lanes, gone))
            while not run.done():
                await asyncio.wait({run}, timeout=_LOOK_SECONDS)
                if not run.done() and await request.is_disconnected():
                    run.add_done_callback(lambda late: late.exception())  # nobody waits for it
                    return errors.gone()
            result, prompt_tokens = run.result()
        except Cancelled:
            return errors.gone()
        except QueueFull:
            return errors.busy("the queue")
        except Exception as problem:
            return errors.failure(problem, (), builder.id) or errors.internal(problem, builder.id)
        finally:
            gone.set()
            self._waiting -= 1
        if result.text is None:
            return errors.error(422, _no_answer(result), "no_answer")
        return JSONResponse(_body(result, body, builder, prompt_tokens))


def _solved(
    body: Any, served: Served, lanes: Lanes, gone: threading.Event
) -> tuple[StrategyResult, int]:
    """The result, and the tokens of the prompt."""
    temperature = body.temperature or GREEDY
    steps = LaneSteps(
        served,
        lanes,
        (temperature, body.top_p, body.top_k),
        mark=body.mark,
        stop=tuple(body.stop or ()),
        max_tokens=body.max_tokens,
        gone=gone,
    )
    shared = served.rewards.get(body.reward) if body.reward is not None else None
    if shared is not None:
        scorer: StepScorer | None = _InTurn(shared.scorer, lanes.turn)
    elif body.reward == "likelihood":
        scorer = _InTurn(LikelihoodJudge(served.at(PLAIN)), lanes.turn)
    elif body.reward == "prompted":
        scorer = as_judge(steps, seed=body.seed)
    elif body.reward is None:
        scorer = None
    else:
        known = ", ".join((*JUDGES, *served.rewards))
        raise SettingsError(f"reward: {body.reward[:80]!r} is not known here; expected {known}.")
    (prompt,) = body.prompts
    prompt_tokens = len(served.encode(prompt, body.max_tokens))
    with nullcontext() if shared is None else shared.lock:
        result = solve(
            steps,
            prompt,
            reward=scorer,
            strategy=body.strategy,
            budget=body.budget,
            answer=answer_of(body.vote_by),
            seed=body.seed,
            settings=body.strategy_options,
        )
    return result, prompt_tokens


def _body(
    result: StrategyResult, body: Any, builder: ResponseBuilder, prompt_tokens: int
) -> dict[str, Any]:
    """The answer in OpenAI's shape, and the run beside it."""
    text = result.text or ""
    content = (
        {"message": {"role": "assistant", "content": text}} if builder.chat else {"text": text}
    )
    weight = result.votes.get(result.answer, 0.0) / (sum(result.votes.values()) or 1.0)
    facts = {"seed": body.seed, "strategy": body.strategy, **json.loads(result.to_json())}
    return {
        "id": builder.id,
        "object": "chat.completion" if builder.chat else "text_completion",
        "created": builder.created,
        "model": builder.model,
        "choices": [
            {
                "index": 0,
                **content,
                "logprobs": None,
                "finish_reason": "stop",  # only solutions that came to their end are answers
                "weight": weight,
            }
        ],
        "usage": usage_of(prompt_tokens, result.budget.model_tokens),
        "smc": [facts],
    }


def _no_answer(result: StrategyResult) -> str:
    count = len(result.trajectories)
    cut = sum(t.truncated for t in result.trajectories)
    said = f"none of {count} solutions has an answer"
    if cut:
        return f"{said}: {cut} were cut at max_tokens. Raise it."
    return f"{said} of the kind that vote_by asks for. Try vote_by: text."
