"""Published networks: the decoder, and the head that a format reads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from potentials.reward_model.formats import (
    Classifier,
    Format,
    MathShepherd,
    QwenPRM,
    RLHFlow,
    Skywork,
)
from potentials.reward_model.heads import LinearHead, TokenHead, linear_layers
from potentials.reward_model.network import Head
from smc.errors import ModelError

_FILES = (
    "model.safetensors.index.json",
    "model.safetensors",
    "pytorch_model.bin.index.json",
    "pytorch_model.bin",
)


def decoder_and_head(
    shown: Format, model: Any, tokenizer: Any, name_or_path: str, revision: str
) -> tuple[Any, Head]:
    """Return the part of a loaded model that gives hidden states, and the head on top of it.

    Args:
        shown: The format that the model was trained on.
        model: As the loader for the format returned it.
        tokenizer: Of the model.
        name_or_path: Where the weights of a head are that transformers does not load.
        revision: Of the repository.

    Raises:
        ModelError: The model has no head of the kind.
    """
    if isinstance(shown, MathShepherd | RLHFlow):
        good, bad = shown.candidates(tokenizer)
        head = TokenHead(model.get_output_embeddings(), good, bad)
        decoder = model.get_decoder()
        _check_logits(model, decoder, head)
        return decoder, head
    if isinstance(shown, Classifier):
        score = getattr(model, "score", None)
        if score is None or not hasattr(score, "weight"):
            raise ModelError(
                f"reward model: {type(model).__name__} has no linear head named `score`; expected "
                "a decoder for sequence classification. Encoders read a text as a whole: wrap "
                "yours in FunctionReward."
            )
        return model.base_model, LinearHead([(score.weight, score.bias)])
    names = {Skywork: ("v_head.summary",), QwenPRM: ("score.0", "score.2")}.get(type(shown))
    if names is None:
        raise ModelError(
            f"reward model: no loader for {type(shown).__name__}; expected a published format. "
            "Make a RewardModel from a Network with your own head."
        )
    # With trust_remote_code the model may come with its head; then the decoder is inside.
    decoder = model.base_model if hasattr(model, "score") else model
    weights = head_weights(name_or_path, revision, names[0].split(".")[0] + ".")
    like = next(decoder.parameters())
    return decoder, LinearHead(linear_layers(weights, names, like))


def head_weights(name_or_path: str, revision: str, prefix: str) -> dict[str, torch.Tensor]:
    """Return the weights of a checkpoint whose names begin with `prefix`.

    Raises:
        ModelError: There are no weights.
    """
    import json

    from transformers.utils.hub import cached_file

    for name in _FILES:
        path = cached_file(
            name_or_path,
            name,
            revision=revision,
            _raise_exceptions_for_missing_entries=False,
        )
        if path is None:
            continue
        if not name.endswith(".index.json"):
            return _with_prefix(Path(path), prefix)
        shards = json.loads(Path(path).read_text())["weight_map"]
        weights: dict[str, torch.Tensor] = {}
        for shard in sorted({f for n, f in shards.items() if n.startswith(prefix)}):
            file = cached_file(name_or_path, shard, revision=revision)
            weights |= _with_prefix(Path(str(file)), prefix)
        return weights
    raise ModelError(
        f"reward model {name_or_path!r}: found none of {', '.join(_FILES)}; expected the weights "
        "of the model."
    )


def _with_prefix(file: Path, prefix: str) -> dict[str, torch.Tensor]:
    if file.suffix == ".safetensors":
        from safetensors import safe_open

        with safe_open(file, "pt") as weights:
            names = [n for n in weights.keys() if n.startswith(prefix)]  # noqa: SIM118
            return {n: weights.get_tensor(n) for n in names}
    state: Mapping[str, torch.Tensor] = torch.load(file, map_location="cpu", weights_only=True)
    return {n: w for n, w in state.items() if n.startswith(prefix)}


def _check_logits(model: Any, decoder: Any, head: TokenHead) -> None:
    """Raise where the model does more to its logits than its output embedding."""
    ids = torch.tensor([[0, head.good, head.bad]], device=decoder.device)
    with torch.inference_mode():
        own = model(input_ids=ids, use_cache=False).logits[0, :, [head.good, head.bad]]
        hidden = decoder(input_ids=ids, use_cache=False).last_hidden_state[0]
        ours = head(hidden)
    expected = own.float().softmax(-1)[:, 0]
    tolerance = 1e-3 if own.dtype == torch.float32 else 0.05
    if not torch.allclose(ours, expected, atol=tolerance):
        raise ModelError(
            f"reward model: {type(model).__name__} changes its logits after the output embedding "
            "(a scale or a cap); expected one that does not. Wrap it in FunctionReward."
        )
