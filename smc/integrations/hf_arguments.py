"""The arguments of a `generate` call, in our terms; what weights cannot follow is refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from smc.errors import SettingsError

# They only cut or sharpen the model's distribution, and `Warp` does the same. Their settings are
# read from the config; each has its own in an attribute of that name.
_WARPERS = {
    "TemperatureLogitsWarper": "temperature",
    "TopKLogitsWarper": "top_k",
    "TopPLogitsWarper": "top_p",
}
# What these stand for is read from the config, or is the engine's own business.
_CRITERIA = {"MaxLengthCriteria", "EosTokenCriteria", "StopStringCriteria"}
_NOT_RETURNED = ("output_scores", "output_logits", "output_attentions", "output_hidden_states")
# What `generate` makes of the token ids itself, and what is the same for every text.
_KNOWN_INPUTS = {"attention_mask", "position_ids", "token_type_ids", "cache_position"}


@dataclass(frozen=True)
class GenerateArguments:
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
    model_kwargs: Mapping[str, Any],
    logits_processor: Iterable[Any] | None,
    stopping_criteria: Iterable[Any] | None,
    config: Any,
) -> GenerateArguments:
    """Translate what `generate` hands to a decoding method.

    Args:
        input_ids: `[B · num_return_sequences, L]`, every prompt repeated in place.
        model_kwargs: What the model's forward pass would get; of it the attention mask is used, of
            the same shape as the ids.
        logits_processor: As prepared by `generate`.
        stopping_criteria: As prepared by `generate`; one with a string attribute `sequence` is
            taken for a stop string.
        config: The generation config, complete.

    Raises:
        SettingsError: Greedy decoding, beams, a processor or criterion that is not understood,
            inputs beside token ids, an empty prompt, or outputs that a sampler of texts has not.
    """
    _check_method(config)
    _check_processors(logits_processor, config)
    _check_inputs(input_ids, model_kwargs)
    num_return = config.num_return_sequences or 1
    rows = input_ids[::num_return]
    mask = model_kwargs.get("attention_mask")
    masks = None if mask is None else mask[::num_return]
    prompts = [_unpadded(row, None if masks is None else masks[i]) for i, row in enumerate(rows)]
    if () in prompts:
        raise SettingsError(
            f"generate: prompt {prompts.index(())} has no tokens, or all of them are masked; "
            "expected token ids (input_ids), at least one in each row. Embeddings are not read."
        )
    end = config.eos_token_id
    eos_ids = None if end is None else tuple(torch.as_tensor(end).reshape(-1).tolist())
    pad = config.pad_token_id
    pad_id = int(pad) if pad is not None else (eos_ids or (0,))[0]
    return GenerateArguments(
        prompts=prompts,
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


def _check_method(config: Any) -> None:
    """Refuse what asks for something else than samples of texts."""
    if (config.num_beams or 1) > 1:
        raise SettingsError(f"generate: num_beams={config.num_beams}; expected 1: particles, here.")
    if not config.do_sample:
        raise SettingsError(
            "generate: do_sample is not set, which asks for the most probable tokens; sequential "
            "Monte Carlo samples. Pass do_sample=True (and temperature=1.0, unless the target is "
            "to be the sharpened model)."
        )
    if config.dola_layers is not None:
        raise SettingsError(
            f"generate: dola_layers={config.dola_layers!r} contrasts the model's layers; expected "
            "none: the target is the model itself."
        )
    for name in _NOT_RETURNED:
        if getattr(config, name, None) and config.return_dict_in_generate:
            raise SettingsError(
                f"generate: {name} is set, and there is none of a weighted population of texts. "
                "Leave it out; what is returned has sequences, log_evidence and posteriors."
            )


def _check_processors(processors: Iterable[Any] | None, config: Any) -> None:
    """Refuse processors that change logits otherwise than the config says."""
    for processor in processors or ():
        kind = type(processor).__name__
        if kind not in _WARPERS:
            raise SettingsError(
                f"generate: the logits processor {kind} changes the model's distribution in a way "
                "that no weight knows of; expected none but temperature, top_k and top_p. Take "
                "its setting out of the call (where it comes from model.generation_config, pass "
                "the value that turns it off), or make it a potential."
            )
        setting = _WARPERS[kind]
        has, said = getattr(processor, setting, None), getattr(config, setting)
        if has != said:
            raise SettingsError(
                f"generate: a {kind} of {has} was passed, while {setting}={said}; expected the "
                f"setting itself. Pass {setting}={has} in its place."
            )


def _check_inputs(input_ids: torch.Tensor, given: Mapping[str, Any]) -> None:
    """Refuse what the model would have read besides the token ids."""
    for name, value in given.items():
        # A cache is told by what it does: releases of transformers call the argument differently.
        length = getattr(value, "get_seq_length", None)
        if length is not None and length() > 0:
            raise SettingsError(
                f"generate: {name} holds {length()} tokens; expected none: the sampler reads the "
                "prompt itself, and a soft prompt it cannot. Leave it out."
            )
        if isinstance(value, torch.Tensor) and value.ndim and name not in _KNOWN_INPUTS:
            raise SettingsError(
                f"generate: {name} is an input of the model that the sampler does not read; "
                "expected token ids alone (input_ids, attention_mask) of a decoder-only model."
            )
    mask, places = given.get("attention_mask"), given.get("position_ids")
    if places is not None and places.shape == input_ids.shape:
        seen = torch.ones_like(input_ids) if mask is None else mask
        if ((seen.cumsum(-1) - 1 != places) & seen.bool()).any():
            raise SettingsError(
                "generate: position_ids do not count the tokens that are not masked from 0 on; "
                "expected these positions. Leave them out."
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
    stops = [given] if isinstance(given, str) else list(given)
    for criterion in criteria or ():
        name = type(criterion).__name__
        if isinstance(getattr(criterion, "sequence", None), str):
            stops.append(criterion.sequence)
        elif name == "StopStringCriteria":
            stops += list(criterion.stop_strings)
        elif name not in _CRITERIA:
            raise SettingsError(
                f"generate: the stopping criterion {name} is not understood; expected a length, "
                "end tokens or stop strings. Pass what it means as stop=."
            )
    return tuple(dict.fromkeys(stops))
