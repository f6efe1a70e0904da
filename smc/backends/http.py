"""A client of JSON endpoints: time limits that hold, and retries of what may pass."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from smc.backends.connections import ConnectionPool, ExchangeError
from smc.errors import EndpointError, SettingsError

T = TypeVar("T")

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_LONGEST_WAIT = 60.0


class Passing(Exception):  # noqa: N818  it is not an error until the last try
    """A failure that may be over at the next try.

    Attributes:
        wait: Seconds that the server asks to wait, if it says so.
    """

    def __init__(self, what: str, wait: float | None = None) -> None:
        super().__init__(what)
        self.wait = wait


@dataclass(frozen=True)
class Endpoint:
    """Where requests go, and how patiently.

    Attributes:
        url: Up to and with the version: `http://localhost:8000/v1`. Proxies are not used.
        api_key: Sent as a bearer token; never part of a message.
        timeout: Seconds for one answer as a whole, however slowly it comes in.
        retries: Further tries after a failure that may pass: no connection, no or half an answer,
            one that makes no sense, the statuses 408, 409, 425, 429 and 5xx.
        backoff: Seconds before the first of them, doubled each time, unless the server says
            `Retry-After`; at most 60.

    Raises:
        SettingsError: A value outside its range.
    """

    url: str
    api_key: str | None = field(default=None, repr=False)
    timeout: float = 300.0
    retries: int = 4
    backoff: float = 1.0
    _pool: ConnectionPool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not _is_base(self.url):
            raise SettingsError(
                f"url: got {self.url!r}; expected the base of an OpenAI-compatible endpoint, such "
                "as http://localhost:8000/v1, without a user's name, a query or spaces."
            )
        if self.api_key is not None and not (self.api_key.isascii() and self.api_key.isprintable()):
            raise SettingsError(
                "api_key: has characters that no header can hold (a line's end, say); expected "
                "ASCII. Strip what was read from a file."
            )
        if not self.timeout > 0:
            raise SettingsError(f"timeout: expected seconds above 0, got {self.timeout!r}.")
        if self.retries < 0 or self.backoff < 0:
            raise SettingsError(
                f"retries, backoff: expected numbers from 0 on, got {self.retries!r} and "
                f"{self.backoff!r}."
            )
        parts = urlsplit(self.url)
        pool = ConnectionPool(parts.scheme, parts.hostname or "", parts.port)
        object.__setattr__(self, "_pool", pool)

    def ask(self, path: str, body: Mapping[str, Any], read: Callable[[Any], T]) -> T:
        """Post JSON and read the answer, trying again where that may help.

        Args:
            path: Behind the URL, `/completions`.
            body: Sent as JSON, over a connection that is kept for the next request.
            read: Makes something of the answer's JSON; raises `Passing` where it makes no sense.

        Raises:
            EndpointError: The endpoint refused the request, or all tries failed.
        """
        for attempt in range(self.retries + 1):
            try:
                return read(self._post(path, body))
            except Passing as failure:
                if attempt == self.retries:
                    raise EndpointError(
                        f"endpoint {self.url}{path}: {failure}, at the last of {attempt + 1} "
                        f"tries; expected an answer within {self.timeout:g} seconds. Is the server "
                        "up, and has it room? Raise timeout or retries, or lower max_concurrency."
                    ) from failure
                wait = self.backoff * 2**attempt if failure.wait is None else failure.wait
                time.sleep(min(wait, _LONGEST_WAIT))
        raise AssertionError("unreachable")

    def _post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON of one answer."""
        asked = {"Content-Type": "application/json"}
        if self.api_key is not None:
            asked["Authorization"] = f"Bearer {self.api_key}"
        full = urlsplit(self.url).path.rstrip("/") + path
        try:
            status, headers, raw = self._pool.exchange(
                full, json.dumps(body).encode(), asked, self.timeout
            )
        except ExchangeError as error:
            raise Passing(str(error)) from error
        if status in _AGAIN or status >= 500:
            raise Passing(f"status {status}: {_said(raw)}", _seconds(headers.get("Retry-After")))
        if status != 200:
            raise EndpointError(
                f"endpoint {self.url}{path}: got status {status}: {_said(raw)}; expected 200. "
                + _remedy(status, headers.get("Location"))
            )
        try:
            return json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise Passing(f"the answer is not JSON: {raw[:200]!r}") from error


def _is_base(url: str) -> bool:
    """Whether requests can be sent to what stands behind a URL."""
    try:
        parts = urlsplit(url)
        named = bool(parts.hostname and parts.hostname.encode("idna")) and parts.port != 0
    except ValueError:  # of the port, the brackets, or the name
        return False
    plain = url.isascii() and url.isprintable() and " " not in url
    bare = not (parts.query or parts.fragment or "@" in parts.netloc)
    return parts.scheme in ("http", "https") and named and plain and bare


def _remedy(status: int, location: str | None) -> str:
    if 300 <= status < 400 and location is not None:
        return f"It points to {location[:200]!r}, and redirections are not followed: give its url."
    remedies = {401: "Check api_key.", 403: "Check api_key.", 404: "Check url and model."}
    return remedies.get(status, "The server does not take this request: see its message.")


def _said(raw: bytes) -> str:
    """The message of an error's body, shortened."""
    text = raw.decode("utf-8", "replace").strip()
    with contextlib.suppress(ValueError, RecursionError):
        payload = json.loads(text)
        error = payload.get("error", payload) if isinstance(payload, dict) else payload
        message = error.get("message") if isinstance(error, dict) else error
        text = message if isinstance(message, str) else text
    return text[:300] or "no message"


def _seconds(header: str | None) -> float | None:
    """Seconds of a Retry-After header; None of a date, or of nonsense."""
    try:
        value = float(header) if header is not None else -1.0
    except ValueError:
        return None
    return value if value >= 0 else None  # NaN is not
