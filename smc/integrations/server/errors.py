"""Error responses, in OpenAI's shape, with a message that says what to do."""

from __future__ import annotations

import logging
import reprlib
from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.requests import ClientDisconnect

from smc.errors import GrammarError, PotentialError, PromptError, SettingsError
from smc.integrations.server.jobs import QueueFull, ShuttingDown
from smc.integrations.server.responses import error_body
from smc.integrations.server.time_limits import PotentialTimeoutError, RegisteredPotentialError
from smc.pages.deaths import deaths_line
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential

logger = logging.getLogger(__name__)

JobResult = Posterior | BaseException
"""What becomes of a job."""

_SHORT = 100
"""Characters of a client's own text that a message repeats."""


def error(status: int, message: str, kind: str, *, retry: bool = False) -> JSONResponse:
    """Return an error.

    Args:
        status: Of HTTP.
        message: Also with characters that cannot be written as UTF-8, which become escapes.
        kind: OpenAI's `type`.
        retry: Whether the same request may be served in a second.
    """
    shown = message.encode("utf-8", "backslashreplace").decode()
    headers = {"Retry-After": "1"} if retry else None
    return JSONResponse(error_body(shown, kind), status, headers=headers)


def invalid(message: str) -> JSONResponse:
    """Return an error that the client can mend."""
    return error(400, message, "invalid_request_error")


def not_served(name: str, known: Sequence[str]) -> JSONResponse:
    """Return that there is no such model."""
    names = " or ".join(map(repr, known))
    return error(404, f"model {name[:_SHORT]!r}: only {names} is served here", "not_found")


def busy(what: str) -> JSONResponse:
    """Return that there is too much to do just now."""
    return error(429, f"{what} is full; try again later", "overloaded", retry=True)


def closing() -> JSONResponse:
    """Return that the server ends."""
    return error(503, "the server is shutting down", "unavailable", retry=True)


def gone() -> JSONResponse:
    """Return that nobody waits any more."""
    return error(499, "the client went away", "cancelled")


def of_request(problem: Exception, reference: str) -> JSONResponse:
    """Return what was raised while a request was read, as an answer.

    Args:
        problem: What was raised.
        reference: Of the request, which finds the cause of a failure in the log.
    """
    if isinstance(problem, ClientDisconnect):
        return gone()
    if isinstance(problem, ValidationError):
        return invalid(told(problem))
    if isinstance(problem, SettingsError | PromptError | GrammarError | ValueError):
        return invalid(str(problem))
    if isinstance(problem, QueueFull):
        return busy("the queue of requests to be read")
    if isinstance(problem, TimeoutError):
        message = "the constraint is not made yet; try again later"
        return error(503, message, "overloaded", retry=True)
    return internal(problem, reference)  # where constraints are made there may be no memory, say


def internal(problem: BaseException, reference: str) -> JSONResponse:
    """Return a fault of the server's; what it was is for the log alone.

    Args:
        problem: What was raised.
        reference: Of the request, which finds the cause in the log.
    """
    logger.error("request %s failed", reference, exc_info=problem)
    return error(
        500,
        f"the server failed; its operator finds the reason in the log, at {reference}",
        "engine_error",
    )


def failure(
    result: JobResult, constraint: Sequence[AnyPotential], reference: str
) -> JSONResponse | None:
    """Return the error that a result means; None if it is an answer.

    Args:
        result: Of the job.
        constraint: What came with the request: its failures are the client's.
        reference: Of the request, which finds the cause of a failure in the log.
    """
    if isinstance(result, Posterior):
        if result.status is not Status.EXTINCT:
            return None
        return error(
            422,
            f"no text satisfies the constraints: {result.reason} ({deaths_line(result)}). Use more "
            "particles or tokens, or ask for less.",
            "extinct",
        )
    if isinstance(result, ShuttingDown):
        return closing()
    if isinstance(result, PotentialTimeoutError):
        return error(503, str(result), "overloaded", retry=True)
    if isinstance(result, RegisteredPotentialError):
        return error(500, str(result), "engine_error")
    if isinstance(result, SettingsError | PromptError | GrammarError):
        return invalid(str(result))
    if isinstance(result, PotentialError) and str(result).startswith(
        tuple(f"{p.name}: " for p in constraint)
    ):
        return invalid(str(result))
    return internal(result, reference)


def told(problem: ValidationError) -> str:
    """Return what is wrong with the fields of a request, and where, in one line."""
    parts = []
    for one in problem.errors(include_url=False, include_context=False)[:5]:
        where = ".".join(str(part)[:_SHORT] for part in one["loc"])
        said = one["msg"].removeprefix("Value error, ")
        if not where and one["type"] == "value_error":  # which says what it is about
            parts.append(said)
            continue
        if one["type"] == "extra_forbidden":
            said = "unknown, or not supported by this server; leave it out"
        got = "" if one["type"] == "missing" else f", got {_shortened(one.get('input'))}"
        parts.append(f"{where or 'body'}: {said}{got}")
    return "; ".join(parts)


def _shortened(value: Any) -> str:
    if isinstance(value, str):
        return repr(value[:_SHORT])
    try:
        return reprlib.repr(value)[:_SHORT]
    except ValueError:  # a number with more digits than Python writes
        return "a very large number"
