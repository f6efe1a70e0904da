"""The command line of the load test."""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import openai

from benchmarks import provenance
from benchmarks.server_load.client import Client, Waits
from benchmarks.server_load.ends import GRACE_SECONDS, seconds_to_end
from benchmarks.server_load.process import Held, Server, attackers, server
from benchmarks.server_load.report import comparison, leaks, page, summary
from benchmarks.server_load.requests import ATTACKS, BACK_PRESSURE, KINDS
from benchmarks.tasks import ROOT

_LOOK_SECONDS = 5.0
_SETTLE_SECONDS = 60.0
_PATIENCE_SECONDS = 300.0
_MOST_RATIO = 2.0
"""Of the ordinary clients' p95 beside hostile ones to that without them."""


@dataclass
class Seen:
    """What the clients saw.

    Attributes:
        seconds: Latencies by kind.
        extinct: Answers that no text satisfies the constraints, by kind.
        refused: Answers to come back later, by kind.
        errors: Anything that should not have been.
        waits: Of streams, by kind.
    """

    seconds: dict[str, list[float]] = field(default_factory=lambda: {k: [] for k in KINDS})
    extinct: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    waits: dict[str, Waits] = field(default_factory=dict)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the clients; print what they saw and what the server held. 1 if anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.server_load", description=__doc__)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", type=Path, default=ROOT / "domains/gdb17/model")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--hostile", action="store_true", help="afterwards the same again, beside hostile clients"
    )
    parser.add_argument(
        "--ends", type=int, default=0, metavar="N", help="end N servers under the hostile mix"
    )
    parser.add_argument("--json", action="store_true", help="one object instead of a page")
    parser.add_argument("--out", type=Path, help="also write the page to this file")
    options = parser.parse_args(arguments)
    kinds = [kind for kind in KINDS if not (options.hostile and kind in ATTACKS)]
    with server(options.model, queue=4 * options.clients, hangs=options.hostile) as running:
        seen, held = asyncio.run(_load(running, options, kinds))
        figures = {**summary(seen, held), **_provenance(options, arguments)}
        if options.hostile:
            with ExitStack() as attack:
                attacked = attack.enter_context(attackers(running.url))
                beside = asyncio.run(_load(running, options, kinds, held[-1], attack.close))
            left = leaks(held[-1], beside[1][-1])
            figures["hostile"] = comparison(figures, summary(*beside), attacked, left)
    if options.ends:
        figures["ends"] = [
            seconds_to_end(options.model, options.clients) for _ in range(options.ends)
        ]
    if options.out is not None:
        options.out.write_text(page(figures), encoding="utf-8")
    print(json.dumps(figures, indent=2) if options.json else page(figures))
    return 1 if figures["unexpected_errors"] or figures["leaks"] or _failed(figures) else 0


def _failed(figures: dict[str, Any]) -> bool:
    """Whether the hostile clients did harm."""
    hostile = figures.get("hostile")
    harmed = hostile is not None and (
        hostile["unexpected_errors"] or hostile["leaks"] or hostile["ratio"] > _MOST_RATIO
    )
    return bool(harmed) or any(end["seconds"] > GRACE_SECONDS for end in figures.get("ends", ()))


async def _load(
    running: Server,
    options: argparse.Namespace,
    kinds: Sequence[str],
    idle: Held | None = None,
    leave: Callable[[], None] = lambda: None,
) -> tuple[Seen, list[Held]]:
    """Run the clients, and see what the server holds meanwhile and when they have gone.

    Args:
        running: The server.
        options: Of the command line.
        kinds: Of requests.
        idle: What it holds when nobody asks; nothing more may be left over. None: what it held last
            while they asked.
        leave: Sends the hostile clients away as well.
    """
    began = time.monotonic()
    seen, held = Seen(), [running.held(began)]
    until = began + 60 * options.minutes
    looking = asyncio.create_task(_look(running, began, held))
    seeds = range(options.seed, options.seed + options.clients)
    await asyncio.gather(*(_client(running.url, seed, until, seen, kinds) for seed in seeds))
    looking.cancel()
    leave()
    held.append(await _settled(running, began, idle or held[-1]))
    return seen, held


async def _settled(running: Server, began: float, before: Held) -> Held:
    """What is held once nothing is left over; or after a while, and that is then a leak."""
    until = time.monotonic() + _SETTLE_SECONDS
    while True:
        await asyncio.sleep(1.0)
        held = await asyncio.to_thread(running.held, began)
        if not leaks(before, held) or time.monotonic() > until:
            return held


async def _look(running: Server, began: float, held: list[Held]) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        held.append(await asyncio.to_thread(running.held, began))


async def _client(url: str, seed: int, until: float, seen: Seen, kinds: Sequence[str]) -> None:
    """One request after the other, until the time is over."""
    dice = random.Random(seed)
    weights = [KINDS[kind][0] for kind in kinds]
    async with openai.AsyncOpenAI(
        base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=_PATIENCE_SECONDS
    ) as ours:
        client = Client(ours, dice, seen.waits)
        while time.monotonic() < until:
            (kind,) = dice.choices(kinds, weights)
            began = time.monotonic()
            if await _asked(client, kind, seen):
                seen.seconds[kind].append(time.monotonic() - began)


async def _asked(client: Client, kind: str, seen: Seen) -> bool:
    """Ask once; whether it was answered as it should be."""
    try:
        await KINDS[kind][1](client)
        return True
    except openai.UnprocessableEntityError:
        seen.extinct[kind] += 1
        return True
    except Exception as error:  # to be counted, whatever it is
        status = error.status_code if isinstance(error, openai.APIStatusError) else None
        if status in BACK_PRESSURE:
            seen.refused[kind] += 1
            await asyncio.sleep(1.0)
        else:
            seen.errors.append(f"{kind}: {type(error).__name__}: {error}"[:500])
    return False


def _provenance(options: argparse.Namespace, arguments: Sequence[str] | None) -> dict[str, Any]:
    given = sys.argv[1:] if arguments is None else arguments
    return {
        "command": " ".join(["python -m benchmarks.server_load", *given]),
        "clients": options.clients,
        "model": provenance.shown_model(str(options.model)),
        "commit": provenance.commit(),
        "machine": provenance.machine(),
        "date": provenance.now(),
        "versions": provenance.versions(),
    }


if __name__ == "__main__":
    sys.exit(main())
