"""The cost of long prompts: steps, whole runs and memory behind short and long ones.

Ours draws from N rows of one prompt, which share its keys and values; the peer is `generate` on
the same network, which stores and reads them for each row. A step of ours is one `draw` and one
`advance` of all rows; one of the peer is the time between two tokens. The whole is T tokens from
nothing, the reading of the prompt included. Where the peer would read more than `PEER_TOKENS` of
prompts it is given their keys and values, and has no whole.

With `--model FOLDER` on a published model (`--compile`: by a compiled step), else on a random one.
Run by the interpreter of an environment with vLLM, it has vLLM's `n=` beside both. On a slow
machine one number of rows at a time: `--sizes 10 --peer-repeats 1`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.micro.models import CACHE, load
from benchmarks.micro.peers.generate import GeneratePeer
from benchmarks.micro.peers.vllm_n import VLLMPeer
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from smc.backends.hf.compiled_step import compile_steps
from smc.backends.transformers import TransformersModel
from smc.model import HOLD, DrawRequest

NAME = "long_prompt"
LENGTHS = (50, 1500)
PARTICLES = (10, 32, 128)
PEER_TOKENS = 20_000


@dataclass(frozen=True)
class _Case:
    """A prompt's length and a number of rows, and the figures of our side."""

    length: int
    particles: int
    step_seconds: list[float] = field(default_factory=list)
    whole_seconds: list[float] = field(default_factory=list)
    kv_bytes: list[int] = field(default_factory=list)


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time both sides at each length and number of rows; see the module."""
    ours, network = _load(options, cache)
    context = getattr(network.config, "max_position_embeddings", None) or 10**9
    lengths = [min(length, context - options.tokens - 1) for length in LENGTHS]
    of_one = () if options.particles == Options().particles else (options.particles,)
    sizes = options.sizes or of_one or PARTICLES
    # One engine for all, since vLLM compiles one for each most of rows, and keeps it for the next.
    vllm = _vllm(options, network, max(*PARTICLES, *sizes), max(lengths))
    rows = [_compared(ours, network, vllm, n, k, options) for n in sizes for k in lengths]
    first = next(row for row in rows if row["prompt"] == lengths[-1])
    ratio, interval = first["ratio_of_step_rates"]
    return Result(
        name=NAME,
        ours=1 / first["step_seconds"],
        peer=1 / first["peer_step_seconds"],
        ratio=ratio,
        interval=interval,
        unit="steps per second",
        setting=(
            f"{Path(options.model).name or 'random Llama'}, "
            f"{str(network.dtype).removeprefix('torch.')}, on {network.device.type}, "
            f"N = {first['particles']} rows behind a prompt of {first['prompt']} tokens, "
            f"{options.tokens} tokens{', compiled' if options.compile else ''}; "
            f"peer: generate(do_sample=True), N as num_return_sequences; "
            f"{options.repeats} interleaved runs, "
            f"{_peer_repeats(options)} of generate ({options.clock} time)"
        ),
        details={
            "cases": rows,
            "long_over_short_step": {
                str(n): _step_of(rows, n, lengths[-1]) / _step_of(rows, n, lengths[0])
                for n in sizes
            },
            "kv_bytes": {str(row["particles"]): row["kv_bytes"] for row in rows},
        },
    )


def _load(options: Options, cache: Path) -> tuple[TransformersModel, Any]:
    if not options.model:
        ours, network = load(options, cache)
        if options.compile:
            compile_steps(network)
        return ours, network
    ours = TransformersModel.load(options.model, compile=options.compile)
    return ours, ours.model


def _vllm(options: Options, network: Any, particles: int, length: int) -> VLLMPeer | None:
    if not options.model or not VLLMPeer.is_there():
        return None
    dtype = str(network.dtype).removeprefix("torch.")
    return VLLMPeer(options.model, dtype, particles, length + options.tokens, options.now)


def _compared(
    ours: TransformersModel,
    network: Any,
    vllm: VLLMPeer | None,
    particles: int,
    length: int,
    options: Options,
) -> dict[str, Any]:
    """The figures of one prompt's length and one number of rows."""
    case = _Case(length, particles)
    rng = np.random.default_rng(0)
    size = network.get_input_embeddings().num_embeddings
    prompt = rng.integers(3, min(size, 30_000), length).tolist()
    from_nothing = length * particles <= PEER_TOKENS
    generate = GeneratePeer(network, options.now)
    wholes: list[float] = []
    vllm_wholes: list[float] = []

    def engine(seed: int) -> float:
        return _engine_run(ours, prompt, case, options, seed)

    def peer(seed: int) -> float:
        if seed >= warm_ups + _peer_repeats(options):
            return math.nan
        if not from_nothing:
            return 1 / generate.step(prompt, particles)
        whole, step = generate.times(prompt, particles, options.tokens)
        wholes.append(whole)
        return 1 / step

    def other(seed: int) -> float:
        assert vllm is not None
        whole, step = vllm.times(prompt, particles, options.tokens)
        vllm_wholes.append(whole)
        return 1 / step

    if options.compile:  # a minute of a process's first step
        _engine_run(ours, prompt, case, options, seed=0)
    warm_ups = 0 if options.model else 1  # a published model's runs are long enough
    rates = interleaved([engine, *([other] if vllm else []), peer], options.repeats, warm_ups)
    kept = options.repeats
    asked = ~np.isnan(rates[:, -1])
    figures = {
        "prompt": length,
        "particles": particles,
        "step_seconds": float(np.median(case.step_seconds[-kept:])),
        "whole_seconds": float(np.median(case.whole_seconds[-kept:])),
        "kv_bytes": case.kv_bytes[-1],
        "peer_step_seconds": float(np.median(1 / rates[asked, -1])),
        "ratio_of_step_rates": ratio_of_medians(rates[asked, 0], rates[asked, -1]),
    }
    if vllm:
        figures |= {
            "vllm_step_seconds": float(np.median(1 / rates[:, 1])),
            "vllm_whole_seconds": float(np.median(vllm_wholes[-kept:])),
            "ratio_to_vllm": ratio_of_medians(rates[:, 0], rates[:, 1]),
        }
    if from_nothing:
        theirs = np.array(wholes[warm_ups:])
        figures |= {
            "peer_whole_seconds": float(np.median(theirs)),
            "ratio_of_wholes": ratio_of_medians(
                theirs, np.array(case.whole_seconds[-kept:])[: len(theirs)]
            ),
        }
    return figures


def _peer_repeats(options: Options) -> int:
    return min(options.peer_repeats or options.repeats, options.repeats)


def _engine_run(
    ours: TransformersModel, prompt: list[int], case: _Case, options: Options, seed: int
) -> float:
    """Steps per second; nothing that an earlier run has read is used."""
    ours.prefixes.clear()
    rng = np.random.default_rng(seed)
    rows = np.arange(case.particles)
    began = options.now()
    decoding: Any = ours.start([prompt], ours.vocabulary, options.tokens)
    decoding.advance(np.zeros(case.particles, dtype=np.int64), np.full(case.particles, HOLD))
    steps: list[float] = []
    for _ in range(options.tokens):
        before = options.now()
        draws = decoding.draw(DrawRequest(rows, rng.random(case.particles)))
        decoding.advance(rows, draws.tokens)
        steps.append(options.now() - before)
    case.whole_seconds.append(options.now() - began)
    case.step_seconds.append(float(np.median(steps)))
    case.kv_bytes.append(decoding.kv_bytes)
    return 1 / case.step_seconds[-1]


def _step_of(rows: list[dict[str, Any]], particles: int, length: int) -> float:
    return next(
        r["step_seconds"] for r in rows if (r["particles"], r["prompt"]) == (particles, length)
    )
