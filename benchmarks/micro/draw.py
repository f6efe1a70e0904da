"""A draw of N tokens, at a temperature, from a nucleus or under masks, beside transformers' own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.micro.models import CACHE
from benchmarks.micro.timing import Options, Result, interleaved, ratio_of_medians
from smc.model import DrawRequest, pack_mask

NAME = "draw"
_TEMPERATURE, _TOP_P, _TOP_K = 0.7, 0.95, 50


def run(options: Options, cache: Path = CACHE) -> Result:
    """Time our draws, tempered as part of the proposal, and the same by `transformers`."""
    import torch
    from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

    from smc.backends.draws import draw_rows
    from smc.backends.hf.logits_transform import SamplingOptions

    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(options.particles, options.vocabulary, generator=generator)
    logits[:, :30] += 12  # a model is sure of a few tokens, as a rule
    ids = torch.zeros(len(logits), 1, dtype=torch.long)
    half = np.random.default_rng(0).random(logits.shape) < 0.5

    def ours(how: SamplingOptions, temperature: float = 1.0, mask: np.ndarray | None = None):
        def once(seed: int) -> float:
            uniforms = np.random.default_rng(seed).random(len(logits))
            request = DrawRequest(
                np.arange(len(logits)), uniforms, mask=mask, temperature=temperature
            )
            began = options.now()
            draw_rows(how.apply(logits), request)
            return options.now() - began

        return once

    def theirs(*warpers: Callable[..., torch.Tensor]) -> Callable[[int], float]:
        def once(seed: int) -> float:
            torch.manual_seed(seed)
            began = options.now()
            scores = logits
            for warper in warpers:
                scores = warper(ids, scores)
            torch.multinomial(scores.softmax(-1), 1)
            return options.now() - began

        return once

    plain = SamplingOptions()
    sides = {
        "plain": ours(plain),
        "masked": ours(plain, mask=pack_mask(half)),
        "tempered": ours(plain, _TEMPERATURE),
        "top_p": ours(SamplingOptions(top_p=_TOP_P)),
        "top_k": ours(SamplingOptions(top_k=_TOP_K)),
        "peer plain": theirs(),
        "peer tempered": theirs(TemperatureLogitsWarper(_TEMPERATURE)),
        "peer top_p": theirs(TopPLogitsWarper(_TOP_P)),
        "peer top_k": theirs(TopKLogitsWarper(_TOP_K)),
    }
    with torch.inference_mode():
        seconds = interleaved(list(sides.values()), options.repeats)
    place = {name: i for i, name in enumerate(sides)}
    ratio, interval = ratio_of_medians(
        seconds[:, place["peer tempered"]], seconds[:, place["tempered"]]
    )
    medians = dict(zip(sides, (1e3 * np.median(seconds, axis=0)).tolist(), strict=True))
    return Result(
        name=NAME,
        ours=medians["tempered"],
        peer=medians["peer tempered"],
        ratio=ratio,
        interval=interval,
        unit="milliseconds",
        setting=(
            f"N = {options.particles} tokens from as many rows of {options.vocabulary:,} logits at "
            f"temperature {_TEMPERATURE:g}; peer: TemperatureLogitsWarper, softmax, multinomial; "
            f"in the details plain, masked, top_p = {_TOP_P:g}, top_k = {_TOP_K} "
            f"({options.clock} time)"
        ),
        details={"milliseconds": medians},
    )
