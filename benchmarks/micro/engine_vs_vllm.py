"""Token rates of SMC under a grammar over vLLM, beside vLLM's own `n=` sampling of the same model.

Two engines of vLLM in one process, with the same settings but our draws in one of them. Ours runs
N particles for at most T tokens under the grammar, resampling under an effective sample size of
N/2. The peer draws N sequences of T tokens, nothing constrained, nothing truncated. Beside them,
in the details, the peer under the same grammar (vLLM's structured output, which masks but does not
weigh), and the peer without turning tokens into text. Needs an environment with vLLM
(`make vllm-env`), and is run by its interpreter.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.micro.mask import JSON
from benchmarks.micro.models import CACHE, PROMPT, model_folder, sample_rate
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from potentials import Grammar
from smc.backends.vllm import VLLMModel
from smc.backends.vllm_local.start import start_plain_llm

NAME = "engine_vs_vllm"
TARGETS = {8_000: 0.75, 128_000: 0.6}
"""By vocabulary, of the peer's rate; asked for N = 32 and 128."""

_ENVIRONMENT = {
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time all sides; see the module.

    Raises:
        FileNotFoundError: vLLM is not installed beside this interpreter.
    """
    if find_spec("vllm") is None:
        raise FileNotFoundError(
            "vLLM is not installed beside this interpreter; run `make vllm-env`, then "
            "`.venv-vllm/bin/python -m benchmarks.micro engine_vs_vllm`."
        )
    folder = str(model_folder(options, cache))
    names = ("ours", "peer", "peer, tokens alone", "peer, structured output")
    with _engines(folder, options) as (model, llm):

        def ours(seed: int) -> float:
            return _engine_run(model, options, seed)

        sides = [
            ours,
            lambda seed: _peer_run(llm, options, seed),
            lambda seed: _peer_run(llm, options, seed, detokenize=False),
            lambda seed: _peer_run(llm, options, seed, structured=True),
        ]
        rates = interleaved(sides, options.repeats)
        use = model.cache_use
    medians = np.median(rates, axis=0).tolist()
    by_name = dict(zip(names, rates.T, strict=True))
    ratios = {n: ratio_of_medians(by_name["ours"], by_name[n]) for n in names[1:]}
    ratio, interval = ratios["peer"]
    return Result(
        name=NAME,
        ours=medians[0],
        peer=medians[1],
        ratio=ratio,
        interval=interval,
        unit="particle-tokens per second",
        setting=(
            f"random Llama ({options.layers} layers, width {options.hidden}, vocabulary "
            f"{options.vocabulary}, float32), JSON grammar, N = {options.particles}, at most "
            f"{options.tokens} tokens, ESS threshold 0.5, prompt of {len(PROMPT)}; peer: vLLM "
            f"{_version()} with n = N and no grammar; median of {options.repeats} interleaved "
            f"runs ({options.clock} time)"
        ),
        details={
            "target": TARGETS.get(options.vocabulary),
            "runs": {n: r.tolist() for n, r in by_name.items()},
            "medians": dict(zip(names, medians, strict=True)),
            "ratios": {n: {"ratio": r, "interval": i} for n, (r, i) in ratios.items()},
            "prefix_cache": {"requests": use.requests, "hit_rate": use.hit_rate},
        },
    )


@contextmanager
def _engines(folder: str, options: Options) -> Iterator[tuple[VLLMModel, Any]]:
    """Both engines, alike in all but the processor; the environment as it was afterwards."""
    before = dict(os.environ)
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    arguments = {
        "max_num_seqs": options.particles,
        "max_model_len": 512,
        "enforce_eager": True,
        "kv_cache_memory_bytes": 2**28,
    }
    structured = {"structured_outputs_config": {"backend": "guidance"}}
    try:
        llm = start_plain_llm(folder, {"dtype": "float32", **arguments, **structured})
        with VLLMModel.load(folder, dtype="float32", engine_args=arguments) as model:
            yield model, llm
        llm.llm_engine.engine_core.shutdown()  # now: when collected, it would disturb others
    finally:
        os.environ.clear()
        os.environ.update(before)


def _engine_run(model: VLLMModel, options: Options, seed: int) -> float:
    return sample_rate(model, Grammar(JSON), options, seed)[0]  # a new one: it remembers masks


def _peer_run(
    llm: Any, options: Options, seed: int, *, detokenize: bool = True, structured: bool = False
) -> float:
    from vllm.sampling_params import SamplingParams, StructuredOutputsParams

    params = SamplingParams(
        n=options.particles,
        temperature=1.0,
        max_tokens=options.tokens,
        ignore_eos=not structured,
        detokenize=detokenize,
        structured_outputs=StructuredOutputsParams(grammar=JSON) if structured else None,
    )
    began = options.now()
    (output,) = llm.generate({"prompt_token_ids": list(PROMPT)}, params, use_tqdm=False)
    tokens = sum(len(o.token_ids) for o in output.outputs)
    return tokens / (options.now() - began)


def _version() -> str:
    import vllm

    return vllm.__version__
