"""Configs of the networks of chosen depth, as transformers stores them beside weights.

Keys of recurrent depth are those of the published model, tomg-group-umd/huginn-0125.
"""

from __future__ import annotations

import math
from typing import Any

from transformers import PreTrainedConfig

_FIXED = {
    "block_class_name": "SandwichBlock",
    "mlp_class_name": "GatedMLP",
    "nonlin_name": "SiLU",
    "injection_type": "linear",
    "state_init": "like-init",
    "test_time_noise": 0,
}
"""Keys of the published config that may have one value here."""


class RecurrentDepthConfig(PreTrainedConfig):
    """Sizes, with the published names.

    Attributes:
        n_embd: Width.
        n_heads: Of attention.
        num_key_value_heads: Of keys and values; None: as many.
        intermediate_size: Inner width of the gated part.
        n_layers: Different layers, without repetitions.
        n_layers_in_prelude: Before the recurrence.
        n_layers_in_recurrent_block: The core.
        n_layers_in_coda: Behind it.
        mean_recurrence: r̄ that training draws r around.
        mean_backprop_depth: The last iterations, that gradients go through.
        recurrence: r in use; None: `mean_recurrence`.
        state_seed: Of the states that thinking begins with.
        block_size: Positions at most.
        vocab_size: Ids.
        padded_vocab_size: Width of the logits; None: as many.
        rope_base: Of the rotary positions.
        norm_eps: Of the norms.
        qk_bias: Whether queries and keys have a bias.
        bias: Whether the adapter has.
        tie_embeddings: Whether the head is the embedding.
        init_values: `std` of weights and first states; `embed_scale`, which embeddings and states
            are multiplied by.
    """

    model_type = "huginn_raven"
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012 - as transformers has it
    attribute_map = {  # noqa: RUF012
        "hidden_size": "n_embd",
        "num_attention_heads": "n_heads",
        "max_position_embeddings": "block_size",
        "tie_word_embeddings": "tie_embeddings",
    }

    n_embd: int = 5280
    n_heads: int = 55
    num_key_value_heads: int | None = None
    intermediate_size: int = 17920
    n_layers: int = 8
    n_layers_in_prelude: int = 2
    n_layers_in_recurrent_block: int = 4
    n_layers_in_coda: int = 2
    mean_recurrence: int = 32
    mean_backprop_depth: int = 8
    recurrence: int | None = None
    state_seed: int = 0
    block_size: int = 4096
    vocab_size: int = 65536
    padded_vocab_size: int | None = None
    rope_base: float = 50_000.0
    norm_eps: float = 1e-6
    qk_bias: bool = True
    bias: bool = False
    tie_embeddings: bool = True
    init_values: dict[str, float] | None = None
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    def __post_init__(self, **kwargs: Any) -> None:
        for name, value in _FIXED.items():
            if kwargs.get(name, value) != value:
                raise ValueError(
                    f"recurrent depth: the config says {name}={kwargs[name]!r}; expected "
                    f"{value!r}, as in huginn-0125. Other variants are not built here."
                )
        if self.padded_vocab_size is None:
            self.padded_vocab_size = self.vocab_size
        if self.num_key_value_heads is None:
            self.num_key_value_heads = self.n_heads
        if self.init_values is None:
            width = self.n_embd
            self.init_values = {"std": math.sqrt(2 / (5 * width)), "embed_scale": math.sqrt(width)}
        super().__post_init__(**kwargs)

    @property
    def num_hidden_layers(self) -> int:
        """Places in a cache: layers, repetitions counted."""
        around = self.n_layers_in_prelude + self.n_layers_in_coda
        depth = self.recurrence or self.mean_recurrence
        return around + depth * self.n_layers_in_recurrent_block


class InnerThinkingConfig(PreTrainedConfig):
    """Sizes.

    Attributes:
        hidden_size: Width.
        num_layers: Different layers; every second one thinks.
        num_attention_heads: Of attention.
        intermediate_size: Inner width of the gated part.
        steps: Of a thinking layer, as trained, the pass of all tokens included.
        depth: Steps in use; None: `steps`.
        ratio: Share of tokens that think on, in training and unless it is changed.
        routes: Whether there are router and step vectors; else all tokens take every step.
        max_position_embeddings: Positions at most.
        rope_base: Of the rotary positions.
        rms_norm_eps: Of the norms.
        initializer_range: Standard deviation of the weights at first.
    """

    model_type = "inner_thinking"
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012 - as transformers has it

    hidden_size: int = 128
    num_layers: int = 6
    num_attention_heads: int = 4
    intermediate_size: int = 256
    steps: int = 4
    depth: int | None = None
    ratio: float = 0.7
    routes: bool = True
    vocab_size: int = 257
    max_position_embeddings: int = 512
    rope_base: float = 10_000.0
    rms_norm_eps: float = 1e-6
    initializer_range: float = 0.02
    tie_word_embeddings: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: int | list[int] | None = None

    @property
    def num_hidden_layers(self) -> int:
        """Places in a cache: layers, the steps of those that think counted."""
        return self.num_layers + self.num_layers // 2 * ((self.depth or self.steps) - 1)
