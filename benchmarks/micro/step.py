"""The time of a step in parts: prefill, forward, masks, draw, and the rest on the host.

On a GPU the model has Llama 3.2 1B's shape in bfloat16, with random weights and a vocabulary of
128k, at N = 8, 32 and 128; on a CPU it is the small model of the other benchmarks at one N. The
constraint is JSON. The peer is `generate`, unconstrained, at the same N. Each part is timed with
the device waited for, so that the parts do not overlap and add up to a little more than a step;
the prompt's prefill is shared out over the run's steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import smc
from benchmarks.micro.models import CACHE, PROMPT, load, model_folder
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from potentials import Grammar
from smc.model import Decoding, DrawRequest, Draws, FloatArray, IntArray, Prompt, Vocabulary

NAME = "step"
JSON = r"""
start: value
?value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" [pair ("," pair)*] "}"
pair: STRING ":" value
array: "[" [value ("," value)*] "]"
STRING: /"[^"\\\x00-\x1f]*"/
NUMBER: /-?[0-9]+(\.[0-9]+)?/
"""


@dataclass
class _Clock:
    """Seconds spent in the model, by part."""

    wait: Callable[[], None]
    prefill: float = 0.0
    forward: float = 0.0
    draw: float = 0.0


class _Timed:
    """A language model whose decodings report to a clock."""

    def __init__(self, model: smc.LanguageModel, clock: _Clock) -> None:
        self._model = model
        self._clock = clock

    @property
    def vocabulary(self) -> Vocabulary:
        return self._model.vocabulary

    def start(self, prompts: Sequence[Prompt], vocabulary: Vocabulary, max_tokens: int) -> Decoding:
        began = time.perf_counter()
        decoding = self._model.start(prompts, vocabulary, max_tokens)
        self._clock.wait()
        self._clock.prefill += time.perf_counter() - began
        return _TimedDecoding(decoding, self._clock)


class _TimedDecoding:
    def __init__(self, decoding: Decoding, clock: _Clock) -> None:
        self._decoding = decoding
        self._clock = clock

    def advance(self, parents: IntArray, tokens: IntArray) -> None:
        began = time.perf_counter()
        self._decoding.advance(parents, tokens)
        self._clock.wait()
        self._clock.forward += time.perf_counter() - began

    def draw(self, request: DrawRequest) -> Draws:
        began = time.perf_counter()
        draws = self._decoding.draw(request)
        self._clock.draw += time.perf_counter() - began
        return draws

    def join(self, other: Decoding) -> bool:
        return False

    def log_probs(self) -> FloatArray:
        return self._decoding.log_probs()


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time a constrained run, its parts, and `generate`; see the module."""
    import torch

    on_gpu = torch.cuda.is_available()
    ours, model = _llama_1b(options, cache) if on_gpu else load(options, cache)
    sizes = (8, 32, 128) if on_gpu else (options.particles,)
    parts = {n: _one(ours, model, replace(options, particles=n)) for n in sizes}
    n = sizes[-1]
    return Result(
        name=NAME,
        ours=parts[n]["ours"],
        peer=parts[n]["peer"],
        ratio=parts[n]["ratio"],
        interval=parts[n]["interval"],
        unit="particle-tokens per second",
        setting=(
            f"{_described(model)}, JSON grammar, N = {n}, {options.tokens} tokens; peer: generate "
            f"unconstrained; median of {options.repeats} interleaved runs (wall time)"
        ),
        details={f"N={n}": part for n, part in parts.items()},
    )


def _one(ours: smc.LanguageModel, model: Any, options: Options) -> dict[str, Any]:
    """Rates of both sides at one N, and milliseconds a step of each part of ours."""
    import torch

    wait = torch.cuda.synchronize if torch.cuda.is_available() else _nothing
    grammar = Grammar(JSON)
    ids = torch.tensor([PROMPT], device=model.device)
    steps: list[dict[str, float]] = []

    def engine(seed: int) -> float:
        clock = _Clock(wait)
        began = time.perf_counter()
        posterior = smc.sample(
            _Timed(ours, clock),
            PROMPT,
            [grammar],
            num_particles=options.particles,
            max_tokens=options.tokens,
            seed=seed,
        )
        total = time.perf_counter() - began
        mask = sum(seconds for _, seconds in posterior.costs().values())
        spent = {
            "prefill": clock.prefill,
            "forward": clock.forward,
            "mask": mask,
            "draw": clock.draw,
        }
        spent["host"] = total - sum(spent.values())
        steps.append({k: 1e3 * v / len(posterior.history) for k, v in spent.items()})
        return posterior.num_tokens / total

    def generate(seed: int) -> float:
        torch.manual_seed(seed)
        began = time.perf_counter()
        with torch.inference_mode():
            out = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                top_k=0,
                max_new_tokens=options.tokens,
                num_return_sequences=options.particles,
                eos_token_id=None,
                pad_token_id=2,
            )
        wait()
        return (out.shape[1] - ids.shape[1]) * len(out) / (time.perf_counter() - began)

    rates = interleaved([engine, generate], options.repeats)
    ratio, interval = ratio_of_medians(rates[:, 0], rates[:, 1])
    kept = steps[-options.repeats :]
    return {
        "ours": float(np.median(rates[:, 0])),
        "peer": float(np.median(rates[:, 1])),
        "ratio": ratio,
        "interval": interval,
        "ms_per_step": {k: float(np.median([s[k] for s in kept])) for k in kept[0]},
    }


def _llama_1b(options: Options, cache: Path) -> tuple[smc.LanguageModel, Any]:
    """A random model of Llama 3.2 1B's shape on the GPU, with a tokenizer of 128k tokens."""
    import torch
    import transformers

    small = replace(options, vocabulary=128_256)
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(model_folder(small, cache)))
    config = transformers.LlamaConfig(
        vocab_size=128_256,
        hidden_size=2048,
        intermediate_size=8192,
        num_hidden_layers=16,
        num_attention_heads=32,
        num_key_value_heads=8,
        head_dim=64,
        max_position_embeddings=131_072,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=2,
        tie_word_embeddings=True,
        dtype=torch.bfloat16,
    )
    torch.manual_seed(0)
    with torch.device("cuda"):
        model = transformers.LlamaForCausalLM(config).to(torch.bfloat16).eval()
    return smc.TransformersModel(model, tokenizer), model


def _described(model: Any) -> str:
    config = model.config
    where = "cpu"
    if model.device.type == "cuda":
        import torch

        where = torch.cuda.get_device_name(model.device)
    return (
        f"random Llama ({config.num_hidden_layers} layers, width {config.hidden_size}, vocabulary "
        f"{config.vocab_size}, {str(model.dtype).removeprefix('torch.')}) on {where}"
    )


def _nothing() -> None:
    """Nothing to wait for."""
