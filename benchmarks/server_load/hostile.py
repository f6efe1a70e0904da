"""Hostile clients of a server, in a process of their own; they count what they are answered.

    python -m benchmarks.server_load.hostile http://127.0.0.1:8000

Runs until it is told to end (SIGTERM), then prints one JSON object: answers by kind and status.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

from benchmarks.server_load.process import NAME
from smc.potential import Potential

LARGE_BYTES = 3_000_000
_PATIENCE_SECONDS = 120.0
_PAUSE_SECONDS = 0.5
_HEAD = (
    "POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    "Connection: close\r\nContent-Length: {length}\r\n\r\n"
)

Counts = Counter[str]


class Sleeps(Potential):
    """A potential that never comes back, and computes nothing."""

    def prefix(self, text: str) -> float:
        """Wait for ever."""
        while True:
            time.sleep(1000)


class Spins(Potential):
    """A potential that never comes back, and takes all of a core."""

    def prefix(self, text: str) -> float:
        """Compute for ever."""
        while True:
            pass


async def large_prompt(host: str, port: int) -> str:
    """Send a prompt of 3 MB."""
    return await _ask(host, port, {"prompt": "C" * LARGE_BYTES})


async def hanging(host: str, port: int) -> str:
    """Ask for a potential that sleeps."""
    return await _ask(host, port, {"prompt": "Molecule:", "potentials": ["sleeps"]})


async def spinning(host: str, port: int) -> str:
    """Ask for a potential that computes for ever."""
    return await _ask(host, port, {"prompt": "Molecule:", "potentials": ["spins"]})


async def deep(host: str, port: int) -> str:
    """Send JSON with 100,000 levels."""
    return await _sent(host, port, b'{"a":' * 100_000)


async def many(host: str, port: int) -> str:
    """Send a hundred thousand stop strings."""
    return await _ask(host, port, {"prompt": "C", "stop": ["x"] * 100_000})


async def silent(host: str, port: int) -> str:
    """Say nothing until the server closes the connection."""
    return await _raw(host, port, b"")


async def half(host: str, port: int) -> str:
    """Promise a body, and send a part of it."""
    return await _raw(host, port, _HEAD.format(length=1000).encode() + b"{")


async def slow(host: str, port: int) -> str:
    """Send headers, a byte a second."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for byte in _HEAD.encode():
            writer.write(bytes([byte]))
            await writer.drain()
            await asyncio.sleep(1.0)
            if reader.at_eof():
                break
        return "closed"
    finally:
        writer.close()


KINDS: dict[str, tuple[int, Callable[[str, int], Awaitable[str]]]] = {
    "large prompts": (8, large_prompt),
    "hanging potential": (4, hanging),
    "spinning potential": (1, spinning),
    "deep JSON": (1, deep),
    "many stop strings": (1, many),
    "silent": (400, silent),
    "half a body": (20, half),
    "slow headers": (20, slow),
}
"""How many at a time, and what."""


async def run(url: str, counts: dict[str, Counts]) -> None:
    """Attack until cancelled.

    Args:
        url: Of the server.
        counts: Written to: answers by kind.
    """
    where = urlsplit(url)
    host, port = where.hostname or "", where.port or 80

    async def again(kind: str, attack: Callable[[str, int], Awaitable[str]]) -> None:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    answer = await attack(host, port)
            except TimeoutError:
                answer = "no answer"
            except OSError:
                answer = "closed"
            counts.setdefault(kind, Counter())[answer] += 1
            await asyncio.sleep(_PAUSE_SECONDS)

    attacks = (again(k, attack) for k, (many, attack) in KINDS.items() for _ in range(many))
    await asyncio.gather(*attacks)


async def _ask(host: str, port: int, body: dict[str, object]) -> str:
    wanted = {"model": NAME, "max_tokens": 32, "particles": 10, **body}
    return await _sent(host, port, json.dumps(wanted).encode())


async def _sent(host: str, port: int, body: bytes) -> str:
    return await _raw(host, port, _HEAD.format(length=len(body)).encode() + body)


async def _raw(host: str, port: int, data: bytes) -> str:
    """Send bytes; return the status of the answer, or `closed`."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        with suppress(ConnectionError):  # what was not read may have been answered
            writer.write(data)
            await writer.drain()
        line = await reader.readline()
        return line.split()[1].decode() if line.startswith(b"HTTP/") else "closed"
    finally:
        writer.close()


async def _main(url: str) -> dict[str, Counts]:
    counts: dict[str, Counts] = {}
    attack = asyncio.create_task(run(url, counts))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, attack.cancel)
    with suppress(asyncio.CancelledError):
        await attack
    return counts


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_main(sys.argv[1]))))
