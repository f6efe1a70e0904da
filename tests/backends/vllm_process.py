"""Run by tests, in a process of its own: a few particles over vLLM in one of its other shapes.

    python vllm_process.py second_runner FOLDER
    python vllm_process.py second_runner_short_of_room FOLDER
    python vllm_process.py two_workers FOLDER

The second model runner needs Triton. Without a GPU its interpreter does, once Triton believes that
there is a driver for the CPU; vLLM asks when it is imported. Two workers are two processes over
which the layers are spread. Short of room, prompts go through in pieces and rows are preempted.
Prints one JSON object: the class of the model runner (or executor)
and its bases, then what was drawn.
"""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any

import torch

from smc.backends.vllm import VLLMModel
from tests.backends.vllm_engines import SMALL, walk_and_sample

SHORT_OF_ROOM = {
    "num_gpu_blocks_override": 6,
    "max_model_len": 96,
    "max_num_seqs": 16,
    "max_num_batched_tokens": 40,
}


def main(shape: str, folder: str) -> None:
    """Load, run, print."""
    if shape.startswith("second_runner"):
        _enable_second_runner()
    workers = 2 if shape == "two_workers" else 1
    room = SHORT_OF_ROOM if shape.endswith("short_of_room") else {}
    with VLLMModel.load(
        folder, dtype="float32", tensor_parallel_size=workers, engine_args={**SMALL, **room}
    ) as model:
        executor = model._llm.llm_engine.engine_core.engine_core.model_executor
        if workers == 1:
            executor = executor.driver_worker.worker.model_runner
        bases = [f"{base.__module__}.{base.__name__}" for base in type(executor).__mro__]
        report: dict[str, Any] = {"bases": bases, "drawn": walk_and_sample(model)}
        report["requests_left"] = model.num_requests
        report["hit_rate"] = model.cache_use.hit_rate
    print(json.dumps(report))


def _enable_second_runner() -> None:
    os.environ["VLLM_USE_V2_MODEL_RUNNER"] = "1"
    if torch.cuda.is_available():
        return
    os.environ["TRITON_INTERPRET"] = "1"
    import triton.backends

    driver = types.SimpleNamespace(is_active=lambda: True)
    triton.backends.backends["cpu"] = types.SimpleNamespace(driver=driver, compiler=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
