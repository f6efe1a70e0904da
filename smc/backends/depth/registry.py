"""Registration of the depth models with transformers' auto classes, under their model types."""

from __future__ import annotations

import functools

from transformers import AutoConfig, AutoModelForCausalLM

from smc.backends.depth.configs import InnerThinkingConfig, RecurrentDepthConfig
from smc.backends.depth.inner_thinking import InnerThinking
from smc.backends.depth.recurrent import RecurrentDepth


@functools.cache
def register() -> None:
    """Have `AutoModelForCausalLM` load them; further calls do nothing."""
    for config, network in (
        (RecurrentDepthConfig, RecurrentDepth),
        (InnerThinkingConfig, InnerThinking),
    ):
        AutoConfig.register(config.model_type, config, exist_ok=True)
        AutoModelForCausalLM.register(config, network, exist_ok=True)
