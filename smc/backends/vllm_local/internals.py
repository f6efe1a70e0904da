"""vLLM's internals: the adapter that alone knows the names that vLLM does not call public.

What is there is looked up when an engine starts. Where a step cannot be taken in two halves, whole
steps are taken; where no step can be taken at all, what is missing is named.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from smc.errors import ModelError


def _named(module: str, name: str) -> Any:
    """What a module calls so; None where there is no such module or name."""
    try:
        return getattr(import_module(module), name, None)
    except ImportError:
        return None


_FIRST = _named("vllm.v1.sample.logits_processor", "LogitsProcessor")
_SECOND = _named("vllm.v1.worker.gpu.sample.logits_processor", "LogitsProcessor")
_MOVES = _named("vllm.v1.sample.logits_processor", "MoveDirectionality")

FirstRunnerProcessor: Any = _FIRST or type("NoFirstRunnerProcessor", (), {})
"""The logits processor of the first model runner, or a class of no use where there is none."""

SecondRunnerProcessor: Any = _SECOND or type("NoSecondRunnerProcessor", (), {})
"""The logits processor of the second model runner, likewise."""

SWAP: Any = getattr(_MOVES, "SWAP", None)
"""The direction of a move that swaps two places of the first runner's batch."""

_CLIENT = "llm_engine.engine_core"
_NEEDED = (
    f"{_CLIENT}.add_request",
    f"{_CLIENT}.abort_requests",
    f"{_CLIENT}.get_output",
    f"{_CLIENT}.shutdown",
    "llm_engine.vllm_config.model_config.max_model_len",
    "llm_engine.vllm_config.scheduler_config.max_num_seqs",
)
_HALVES = (
    f"{_CLIENT}.engine_core.scheduler.schedule",
    f"{_CLIENT}.engine_core.scheduler.update_from_output",
    f"{_CLIENT}.engine_core.model_executor.execute_model",
    f"{_CLIENT}.engine_core.model_executor.sample_tokens",
)


def processor_names_missing() -> list[str]:
    """What vLLM lacks for a logits processor to load under either of its model runners."""
    if _FIRST is None and _SECOND is None:
        return ["LogitsProcessor in vllm.v1.sample and vllm.v1.worker.gpu.sample"]
    if _FIRST is not None and SWAP is None:
        return ["vllm.v1.sample.logits_processor.MoveDirectionality.SWAP"]
    return []


@dataclass(frozen=True)
class StepOutput:
    """What a step says of one request.

    Attributes:
        request: Its number.
        tokens: New token ids.
        finished: Whether it is gone.
        prompt_tokens: Of a request whose prompt was read in this step; else None.
        cached_tokens: Of those, found in the prefix cache.
    """

    request: int
    tokens: Sequence[int]
    finished: bool
    prompt_tokens: int | None
    cached_tokens: int


class EngineInternals:
    """An engine core in this process, one step at a time.

    Args:
        llm: A `vllm.LLM`.

    Raises:
        ModelError: This release lacks names without which no step can be taken.
    """

    def __init__(self, llm: Any) -> None:
        missing = [name for name in _NEEDED if not _has(llm, name)] + processor_names_missing()
        if missing:
            raise ModelError(
                f"vLLM {_version()}: this release has no {', '.join(missing)}; expected the names "
                "of 0.32 and 0.33. Install one of these, or use backend='transformers'."
            )
        self._client = llm.llm_engine.engine_core
        self._core: Any = getattr(self._client, "engine_core", None)
        config = llm.llm_engine.vllm_config
        self.max_model_len: int = config.model_config.max_model_len
        self.max_num_seqs: int = config.scheduler_config.max_num_seqs
        self.missing_halves = tuple(name for name in _HALVES if not _has(llm, name))
        if not self.missing_halves and not _takes(
            self._core.model_executor.execute_model, "non_block"
        ):
            self.missing_halves = (f"{_HALVES[2]}(non_block=)",)

    def add(self, number: int, ids: list[int], extra: dict[str, Any]) -> None:
        """Add a request that is to continue some token ids, greedily and without an end.

        Args:
            number: Of the request.
            ids: Token ids.
            extra: Arguments for the logits processor.
        """
        sampling, core = import_module("vllm.sampling_params"), import_module("vllm.v1.engine")
        params = sampling.SamplingParams(
            temperature=0.0,
            max_tokens=self.max_model_len,
            ignore_eos=True,
            detokenize=False,
            output_kind=sampling.RequestOutputKind.DELTA,
            extra_args=extra,
        )
        self._client.add_request(
            core.EngineCoreRequest(
                request_id=str(number),
                prompt_token_ids=ids,
                mm_features=None,
                sampling_params=params,
                pooling_params=None,
                arrival_time=0.0,
                lora_request=None,
                cache_salt=None,
                data_parallel_rank=None,
            )
        )

    def abort(self, numbers: Sequence[int]) -> None:
        """Free requests."""
        self._client.abort_requests([str(n) for n in numbers])

    def begin(self) -> Any:
        """Start a step; return its first half, which may still run. None: nothing has begun."""
        if self.missing_halves:
            return None
        scheduled = self._core.scheduler.schedule()
        return scheduled, self._core.model_executor.execute_model(scheduled, non_block=True)

    def end(self, half: Any) -> list[StepOutput]:
        """Have the engine sample and take notice, or take the whole step.

        Args:
            half: As `begin` returned it.
        """
        if half is None:
            outputs = self._client.get_output()
            return [_read(out) for out in getattr(outputs, "outputs", ())]
        scheduled, pending = half
        output = pending.result()
        if output is None:
            output = self._core.model_executor.sample_tokens(None)
        by_client = self._core.scheduler.update_from_output(scheduled, output)
        return [_read(out) for out in (by_client[0].outputs if 0 in by_client else ())]

    def begun(self, half: Any) -> list[int]:
        """The requests of a step's first half, which go on when it is ended."""
        return [] if half is None else [int(request) for request in half[0].num_scheduled_tokens]

    def shutdown(self) -> None:
        """Free the engine's memory."""
        self._client.shutdown()


def workers_client(llm: Any) -> Any:
    """Return what calls the methods of all workers (`collective_rpc`)."""
    return llm.llm_engine.engine_core


def model_config(llm: Any) -> Any:
    """Return what an engine knows of its model."""
    return llm.llm_engine.vllm_config.model_config


def _read(out: Any) -> StepOutput:
    stats = getattr(out, "prefill_stats", None)
    return StepOutput(
        int(out.request_id),
        out.new_token_ids,
        out.finish_reason is not None,
        None if stats is None else stats.num_prompt_tokens,
        0 if stats is None else stats.num_cached_tokens,
    )


def _has(thing: Any, path: str) -> bool:
    for name in path.split("."):
        if not hasattr(thing, name):
            return False
        thing = getattr(thing, name)
    return True


def _takes(function: Any, name: str) -> bool:
    """Whether a function has a parameter, as far as that can be read."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return True
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _version() -> str:
    return str(_named("vllm", "__version__") or "(of unknown version)")
