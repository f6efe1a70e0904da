"""The end of a server under the hostile mix: for how long it lives on after SIGTERM."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.server_load.process import attackers, server
from benchmarks.tasks import ROOT

GRACE_SECONDS = 10.0
"""Of `smc serve`."""
_MIX_SECONDS = 3.0
_ORDINARY = """\
import asyncio, random, sys
import openai
from benchmarks.server_load.requests import Client, completion

async def one(url, seed):
    async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="none", max_retries=0) as ours:
        client = Client(ours, random.Random(seed))
        while True:
            try:
                await completion(client)
            except openai.OpenAIError:
                await asyncio.sleep(0.5)

async def all_of(url, count):
    await asyncio.gather(*(one(url, seed) for seed in range(count)))

asyncio.run(all_of(sys.argv[1], int(sys.argv[2])))
"""


def seconds_to_end(model: Path, clients: int) -> dict[str, Any]:
    """Start a server, let ordinary and hostile clients at it, and tell it to end.

    Args:
        model: A model's folder.
        clients: Ordinary ones.

    Returns:
        `seconds` until the process is gone, and its exit `status`.
    """
    with server(model, queue=4 * clients, hangs=True) as running, attackers(running.url):
        command = [sys.executable, "-c", _ORDINARY, running.url, str(clients)]
        ordinary = subprocess.Popen(command, cwd=ROOT)
        try:
            time.sleep(_MIX_SECONDS)
            began = time.monotonic()
            status = running.end()
            return {"seconds": round(time.monotonic() - began, 2), "status": status}
        finally:
            ordinary.kill()
            ordinary.wait()
