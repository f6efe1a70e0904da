"""The options of loading as arguments of a command line, the same for every command."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from typing import Any, cast

from smc.backends.load_options import BACKENDS, LoadOptions
from smc.errors import SettingsError

_SAMPLING: Mapping[str, tuple[type, str]] = {
    "temperature": (float, "of the model, so of the target (default 1)"),
    "top_p": (float, "part of the model, likewise (default 1: all tokens)"),
    "top_k": (int, "part of the model, likewise (default 0: all tokens)"),
}
_WORDS: Mapping[str, str] = {
    "device": "cpu, cuda, … (default: the GPU where there is one)",
    "dtype": "float32, bfloat16, … (default: the checkpoint's)",
    "quantization": "a method of vLLM's, or a quantization config of transformers as JSON",
    "attn-implementation": "of transformers: sdpa, eager, … (default: what the model prefers)",
    "gguf-file": "of transformers: a .gguf file in the folder or repository",
    "revision": "branch, tag or commit of the repository",
}


def add_load_arguments(parser: argparse._ActionsContainer, *, sampling: bool = True) -> None:
    """Declare how a model is loaded; which one is the command's own to ask.

    Args:
        parser: Of a command, or a group of its arguments.
        sampling: Whether the command line says temperature, top_p and top_k.
    """
    add = parser.add_argument
    if sampling:
        for name, (kind, said) in _SAMPLING.items():
            add(f"--{name.replace('_', '-')}", type=kind, help=said)
    add("--backend", choices=BACKENDS, help="what runs the model (default transformers)")
    for name, said in _WORDS.items():
        add(f"--{name}", help=said)
    add("--depth", type=int, metavar="R", help="of recurrent depth: iterations of each token")
    add("--tensor-parallel-size", type=int, metavar="K", help="of vLLM: devices of each layer")
    add("--engine-args", metavar="JSON", help="of vLLM: further arguments of its engine")
    add(
        "--compile",
        action="store_const",
        const=True,
        help="of transformers: compile the step; see smc.load",
    )
    add(
        "--trust-remote-code",
        action="store_const",
        const=True,
        help="run code that comes with the model",
    )


def load_options(arguments: argparse.Namespace) -> LoadOptions:
    """Return what a command line says of loading, without what it leaves open.

    Raises:
        SettingsError: Something is no JSON.
    """
    names = LoadOptions.__annotations__
    given = {n: v for n, v in vars(arguments).items() if n in names and v is not None}
    if "engine_args" in given:
        given["engine_args"] = _object("--engine-args", given["engine_args"])
    if given.get("quantization", "").lstrip().startswith("{"):
        given["quantization"] = _object("--quantization", given["quantization"])
    return cast(LoadOptions, given)


def _object(argument: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError(f"{argument}: got {text!r}, which is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise SettingsError(
            f'{argument}: got {text!r}; expected an object of JSON, as {{"max_model_len": 4096}}.'
        )
    return value
