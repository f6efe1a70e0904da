"""A stock vLLM server with our processor, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STARTS_WITHIN = 300.0

# The second model runner needs Triton; without a GPU its interpreter will do, once Triton believes
# that there is a driver. It must be so in every process of the server, before vLLM is imported.
SECOND_RUNNER = """
import types

import torch

if not torch.cuda.is_available():
    import triton.backends

    driver = types.SimpleNamespace(is_active=lambda: True)
    triton.backends.backends["cpu"] = types.SimpleNamespace(driver=driver, compiler=None)
"""


@contextlib.contextmanager
def vllm_server(model: Path, work: Path, *, second_runner: bool) -> Iterator[str]:
    """Start a server of a model, and yield its URL.

    Args:
        model: Folder.
        work: Empty folder, for its log.
        second_runner: Whether under the second of vLLM's model runners.
    """
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": str(ROOT),
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "VLLM_NO_USAGE_STATS": "1",
    }
    if second_runner:
        (work / "sitecustomize.py").write_text(SECOND_RUNNER)
        environment["PYTHONPATH"] += os.pathsep + str(work)
        environment |= {"TRITON_INTERPRET": "1", "VLLM_USE_V2_MODEL_RUNNER": "1"}
    command = f"""{sys.executable} -m vllm.entrypoints.openai.api_server --model {model}
        --served-model-name served --dtype float32 --enforce-eager --block-size 32
        --max-model-len 512 --host 127.0.0.1 --port {port} --logprobs-mode processed_logits
        --logits-processors smc.integrations.vllm_server.processor:SegmentProcessor"""
    with (work / "log").open("w") as log:
        process = subprocess.Popen(
            command.split(),
            cwd=work,
            env=environment,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait(f"http://127.0.0.1:{port}/health", process, work / "log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            urllib.request.urlopen(url, timeout=5)
            return
        if process.poll() is not None:
            break
        time.sleep(1)
    raise AssertionError(f"the server did not start:\n{log.read_text()[-3000:]}")
