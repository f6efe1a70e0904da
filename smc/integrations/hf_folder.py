"""`custom_generate` by the name of a folder: all arguments of `generate`, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smc.errors import SettingsError
from smc.integrations.constraints import constraints
from smc.integrations.transformers import SMCGenerate

_CONSTRAINTS = ("grammar", "regex", "json_schema", "potentials")
_SETTINGS = ("num_particles", "method", "ess_threshold", "resampling", "stop", "seed", "answer")


def generate_by_name(model: Any, arguments: Mapping[str, Any]) -> Any:
    """Run `model.generate` with an `SMCGenerate` made of the arguments.

    Args:
        model: The model that `generate` was called on.
        arguments: All others of that call: constraints, settings, `tokenizer`, and `generate`'s
            own, which it gets back.

    Raises:
        SettingsError: There is no tokenizer, a value is out of its range, or a streamer is given.
        GrammarError: A constraint is malformed.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    if "streamer" in given:
        raise SettingsError(
            "generate: streamer is given, and the particles' texts are not settled token by token; "
            "expected none. `smc serve` streams what all particles have in common."
        )
    own = {name: given.pop(name) for name in _SETTINGS if name in given}
    own["stop"] = (*_strings(own.get("stop")), *_strings(given.pop("stop_strings", None)))
    chosen = {name: given.pop(name) for name in _CONSTRAINTS if name in given}
    tokenizer = given.get("tokenizer") or _own_tokenizer(model)
    sampler = SMCGenerate(tokenizer, constraints(**chosen), **own)
    return model.generate(**given, custom_generate=sampler)


def _strings(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given or ())


def _own_tokenizer(model: Any) -> Any:
    from transformers import AutoTokenizer

    where = getattr(model.config, "name_or_path", "") or ""
    try:
        return AutoTokenizer.from_pretrained(where)
    except Exception as error:  # whatever a missing folder or a strange file leads to
        raise SettingsError(
            f"generate: no tokenizer given, and none could be read from {where!r} ({error}). "
            "Pass tokenizer=."
        ) from error
