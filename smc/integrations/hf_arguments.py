"""What `generate` asks for, in our terms; what has no meaning under weights is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

from smc.errors import SettingsError

# They only cut or sharpen the model's distribution, and `Warp` does the same.
_WARPERS = {"TemperatureLogitsWarper", "TopKLogitsWarper", "TopPLogitsWarper"}
# What these stand for is read from the config, or is the engine's own business.
_CRITERIA = {"MaxLengthCriteria", "EosTokenCriteria", "StopStringCriteria"}


@dataclass(frozen=True)
class Arguments:
    """A call of `generate`.

    Attributes:
        prompts: `[B]` token ids without padding.
        num_return: Sequences to return for each prompt.
        max_tokens: New tokens at most, the end included.
        warp: Temperature, top_p and top_k of the model, as pairs.
        stop: Strings that end a text.
        eos_ids: Ids that end a text; None: the model's own.
        pad_id: Fills up what is shorter.
        as_dict: Whether to return an `SMCOutput`.
    """

    prompts: list[tuple[int, ...]]
    num_return: int
    max_tokens: int
    warp: tuple[tuple[str, Any], ...]
    stop: tuple[str, ...]
    eos_ids: tuple[int, ...] | None
    pad_id: int
    as_dict: bool


def read_arguments(
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor | None,
    logits_processor: Iterable[Any] | None,
    stopping_criteria: Iterable[Any] | None,
    config: Any,
) -> Arguments:
    """Translate what `generate` hands to a decoding method.

    Args:
        input_ids: `[B · num_return_sequences, L]`, every prompt repeated in place.
        attention_mask: Of the same shape, or None.
        logits_processor: As prepared by `generate`.
        stopping_criteria: As prepared by `generate`; one with a string attribute `sequence` is
            taken for a stop string.
        config: The generation config, complete.

    Raises:
        SettingsError: Greedy decoding, beams, or a processor or criterion that is not understood.
    """
    if (config.num_beams or 1) > 1:
        raise SettingsError(f"generate: num_beams={config.num_beams}; expected 1: particles, here.")
    if not config.do_sample:
        raise SettingsError(
            "generate: do_sample is not set, which asks for the most probable tokens; sequential "
            "Monte Carlo samples. Pass do_sample=True (and temperature=1.0, unless the target is "
            "to be the sharpened model)."
        )
    for processor in logits_processor or ():
        name = type(processor).__name__
        if name not in _WARPERS:
            raise SettingsError(
                f"generate: the logits processor {name} changes the model's distribution in a way "
                "that no weight knows of; expected none but temperature, top_k and top_p. Take "
                "its setting out of the call, or make it a potential."
            )
    num_return = config.num_return_sequences or 1
    rows = input_ids[::num_return]
    masks = None if attention_mask is None else attention_mask[::num_return]
    end = config.eos_token_id
    eos_ids = None if end is None else tuple(torch.as_tensor(end).reshape(-1).tolist())
    pad = config.pad_token_id
    pad_id = int(pad) if pad is not None else (eos_ids or (0,))[0]
    return Arguments(
        prompts=[_unpadded(row, None if masks is None else masks[i]) for i, row in enumerate(rows)],
        num_return=num_return,
        max_tokens=_max_tokens(config, input_ids.shape[1]),
        warp=(
            ("temperature", 1.0 if config.temperature is None else float(config.temperature)),
            ("top_p", 1.0 if config.top_p is None else float(config.top_p)),
            ("top_k", int(config.top_k or 0)),
        ),
        stop=_stop_strings(stopping_criteria, config),
        eos_ids=eos_ids,
        pad_id=pad_id,
        as_dict=bool(config.return_dict_in_generate),
    )


def _unpadded(row: torch.Tensor, mask: torch.Tensor | None) -> tuple[int, ...]:
    kept = row if mask is None else row[mask.bool()]
    return tuple(kept.tolist())


def _max_tokens(config: Any, prompt_length: int) -> int:
    if config.max_new_tokens is not None:
        return int(config.max_new_tokens)
    return max(1, int(config.max_length) - prompt_length)


def _stop_strings(criteria: Iterable[Any] | None, config: Any) -> tuple[str, ...]:
    given = config.stop_strings or ()
    found = [given] if isinstance(given, str) else list(given)
    for criterion in criteria or ():
        name = type(criterion).__name__
        if isinstance(getattr(criterion, "sequence", None), str):
            found.append(criterion.sequence)
        elif name == "StopStringCriteria":
            found += list(criterion.stop_strings)
        elif name not in _CRITERIA:
            raise SettingsError(
                f"generate: the stopping criterion {name} is not understood; expected a length, "
                "end tokens or stop strings. Pass what it means as stop=."
            )
    return tuple(dict.fromkeys(found))
