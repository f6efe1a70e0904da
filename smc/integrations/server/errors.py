"""Error responses, in OpenAI's shape, with a message that says what to do."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from smc.errors import GrammarError, PotentialError, PromptError, SettingsError
from smc.integrations.server.jobs import ShuttingDown
from smc.integrations.server.responses import error_body
from smc.posterior import Posterior, Status
from smc.potential import AnyPotential

JobResult = Posterior | BaseException
"""What becomes of a job."""


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


def not_served(name: str, known: str) -> JSONResponse:
    """Return that there is no such model."""
    return error(404, f"model {name!r}: only {known!r} is served here", "not_found")


def busy(what: str) -> JSONResponse:
    """Return that there is too much to do just now."""
    return error(429, f"{what} is full; try again later", "overloaded", retry=True)


def closing() -> JSONResponse:
    """Return that the server ends."""
    return error(503, "the server is shutting down", "unavailable", retry=True)


def failure(result: JobResult, constraint: Sequence[AnyPotential]) -> JSONResponse | None:
    """Return the error that a result means; None if it is an answer.

    Args:
        result: Of the job.
        constraint: What came with the request: its failures are the client's.
    """
    if isinstance(result, Posterior):
        if result.status is not Status.EXTINCT:
            return None
        return error(
            422,
            f"no text satisfies the constraints: {result.reason}. Use more particles or tokens, or "
            "ask for less.",
            "extinct",
        )
    if isinstance(result, ShuttingDown):
        return closing()
    if isinstance(result, SettingsError | PromptError | GrammarError):
        return invalid(str(result))
    if isinstance(result, PotentialError) and str(result).startswith(
        tuple(f"{p.name}: " for p in constraint)
    ):
        return invalid(str(result))
    return error(500, f"{type(result).__name__}: {result}", "engine_error")


def told(error: RequestValidationError) -> str:
    """Return what is wrong with the fields of a request, and where, in one line."""
    parts = []
    for one in error.errors()[:5]:
        where = ".".join(str(part) for part in one["loc"] if part != "body")
        said = one["msg"].removeprefix("Value error, ")
        if not where and one["type"] == "value_error":  # which says what it is about
            parts.append(said)
            continue
        if one["type"] == "extra_forbidden":
            said = "unknown, or not supported by this server; leave it out"
        got = "" if one["type"] == "missing" else f", got {str(one.get('input'))[:80]!r}"
        parts.append(f"{where or 'body'}: {said}{got}")
    return "; ".join(parts)
