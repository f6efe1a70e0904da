"""What networks of chosen depth have in common: arguments, positions, cache, head, copies."""

from __future__ import annotations

import copy
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, Self

import torch
from transformers import Cache, DynamicCache, GenerationMixin, PreTrainedModel
from transformers.masking_utils import create_causal_mask
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.models.llama.modeling_llama import eager_attention_forward

from smc.backends.depth.blocks import Pass, rotary_angles
from smc.errors import SettingsError


@dataclass
class DepthOutput(CausalLMOutputWithPast):
    """What transformers expects of a causal model, and how deep each token was thought about.

    Attributes:
        steps: `[R, Q]` iterations of each token; None where all have as many.
    """

    steps: torch.Tensor | None = None


class DepthNetwork(PreTrainedModel, GenerationMixin):
    """A causal network whose depth is a matter of the call, not of the weights.

    Subclasses say how tokens are read (`read`), what a depth costs, and where it is kept.
    """

    base_model_prefix = ""
    lm_head: torch.nn.Linear
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_attention_backend = True

    @property
    @abstractmethod
    def depth(self) -> int:
        """Iterations that every token gets."""

    @property
    @abstractmethod
    def layer_passes(self) -> float:
        """Layers that a token goes through, repetitions counted: the cost of a token."""

    @abstractmethod
    def set_depth(self, depth: int) -> None:
        """Write a depth into the network's own config."""

    @abstractmethod
    def read(
        self,
        embedded: torch.Tensor,
        positions: torch.Tensor,
        run: Pass,
        counted: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Return the last hidden states, and the iterations where tokens differ in them.

        Args:
            embedded: `[R, Q, width]` of the tokens.
            positions: `[R, Q]` or `[1, Q]`.
            run: What the blocks need.
            counted: `[R, Q]` which tokens are text, for training; None: all.

        Returns:
            `[R, Q, width]`, and `[R, Q]` or None.
        """

    @property
    def caches(self) -> bool:
        """Whether keys and values can be kept."""
        return True

    def with_depth(self, depth: int) -> Self:
        """Return a network of the same weights that thinks so many iterations.

        It has a config of its own: rows of two depths never share a pass or what was read.

        Raises:
            SettingsError: The depth is no whole number from 1 on.
        """
        if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
            raise SettingsError(
                f"depth: got {depth!r}; expected a whole number of iterations from 1 on."
            )
        other = self.copied()
        other.set_depth(depth)
        return other

    def copied(self) -> Self:
        """Return a network of the same weights with a config of its own."""
        other = copy.copy(self)
        other.config = copy.deepcopy(self.config)
        # `deepcopy` of a config leaves out which attention it was told to use.
        other.config._attn_implementation = self.config._attn_implementation
        return other

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int | torch.Tensor = 0,
        shared: Any = None,
        counted: torch.Tensor | None = None,
        **ignored: Any,
    ) -> DepthOutput:
        """Return logits; the arguments are those of any causal model of transformers.

        Args:
            input_ids: `[R, Q]`.
            attention_mask: `[R, columns]`, 1 for a token; None: all are.
            position_ids: `[R, Q]`; None: counted on from the cache.
            past_key_values: The cache, added to.
            use_cache: Whether to make one where there is none.
            logits_to_keep: How many of the last logits to return; 0 for all.
            shared: What rows have in common, of `smc.backends.hf`.
            counted: `[R, Q]` which tokens are text, for training; None: all.
            ignored: What `generate` says besides.
        """
        hidden, steps, cache = self.hidden(
            input_ids, attention_mask, position_ids, past_key_values, use_cache, shared, counted
        )
        keep = slice(-logits_to_keep, None) if isinstance(logits_to_keep, int) else logits_to_keep
        logits = self.lm_head(hidden[:, keep])
        return DepthOutput(logits=logits, past_key_values=cache, steps=steps)

    def hidden(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        past_key_values: Cache | None = None,
        use_cache: bool | None = None,
        shared: Any = None,
        counted: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor | None, Cache | None]:
        """Return what the head reads, iterations of tokens, and the cache; see `forward`."""
        cache = past_key_values if self.caches else None
        if use_cache and cache is None and self.caches:
            cache = DynamicCache(config=self.config)
        config = self.config
        if position_ids is None:
            seen = 0 if cache is None else cache.get_seq_length()
            columns = torch.arange(seen, seen + input_ids.shape[1], device=input_ids.device)
            position_ids = columns[None]
        embedded = self.get_input_embeddings()(input_ids)
        mask = create_causal_mask(config, embedded, attention_mask, cache, position_ids)
        attend = ALL_ATTENTION_FUNCTIONS.get_interface(
            config._attn_implementation or "eager", eager_attention_forward
        )
        head = config.hidden_size // config.num_attention_heads
        cos, sin = rotary_angles(position_ids, head, config.rope_base)
        extra = {} if shared is None else {"shared": shared}
        run = Pass(cos, sin, attend, mask, cache, extra, self.training)
        states, steps = self.read(embedded, position_ids, run, counted)
        return states, steps, cache
