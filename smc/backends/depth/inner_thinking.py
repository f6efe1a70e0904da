"""Inner Thinking Transformer: some layers run again on the tokens that a router finds hard.

Every other layer thinks. It runs once on all tokens; then, step by step, a router scores each token
and those above a threshold take the layer's update again, weighted by their score and by a vector
of the step:

    x ← x + α(x) · φₜ ⊙ f(x)    where α(x) > threshold, else x as it is.

f is what the layer adds to its input, so the state is the sum of all updates. Tokens left out keep
their state, and what later tokens read of them at this step is computed from it.

In training the threshold is the quantile of the batch's own scores, as published. That looks at
later tokens; so when generating it is a number, the quantile of scores on training data, kept with
the weights (`calibrate`) for every share of tokens: a token's computation depends on none behind
it.

Without the router, and with all weights one, this is the loop that the paper compares with.

Source: Chen et al. (2025), Inner Thinking Transformer (2502.13842). The paper gives no code; that
f is the update, that the first pass has no vector, and that steps beyond the trained ones use the
last one's router and vector, is this implementation's reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import torch
from torch import nn

from smc.backends.depth.blocks import Attention, GatedMLP, Pass, RMSNorm
from smc.backends.depth.configs import InnerThinkingConfig
from smc.backends.depth.network import DepthNetwork
from smc.errors import SettingsError

_GRID = 41
"""Quantiles of scores that are kept, from 0 to 1."""


class PreNormBlock(nn.Module):
    """A block with norms before attention and gated part."""

    def __init__(self, config: InnerThinkingConfig) -> None:
        super().__init__()
        width, heads = config.hidden_size, config.num_attention_heads
        self.norm_1 = RMSNorm(width, config.rms_norm_eps)
        self.norm_2 = RMSNorm(width, config.rms_norm_eps)
        self.attn = Attention(width, heads, heads, bias=False)
        self.mlp = GatedMLP(width, config.intermediate_size)

    def update(self, x: torch.Tensor, index: int, run: Pass) -> torch.Tensor:
        """Return `[R, Q, width]`, what the block adds to its input."""
        mixed = self.attn(self.norm_1(x), index, run)
        return mixed + self.mlp(self.norm_2(x + mixed))


class Router(nn.Module):
    """Scores tokens for one step, and weighs what they take from it.

    Attributes:
        quantiles: `[_GRID]` of scores on training data; until they are measured, of scores that are
            spread evenly.
    """

    quantiles: torch.Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(width))
        self.bias = nn.Parameter(torch.zeros(()))
        self.encoding = nn.Parameter(torch.ones(width))
        self.register_buffer("quantiles", torch.linspace(0, 1, _GRID))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `[R, Q]` scores in (0, 1) of `[R, Q, width]` states."""
        return torch.sigmoid((x * self.weight).sum(-1) + self.bias)

    def chosen(
        self, scores: torch.Tensor, ratio: float, counted: torch.Tensor | None, *, batch: bool
    ) -> torch.Tensor:
        """Return `[R, Q]` which tokens think on.

        Args:
            scores: `[R, Q]`.
            ratio: Share of tokens that shall.
            counted: `[R, Q]` which tokens are text.
            batch: Whether the share is of these tokens; else by the stored quantiles.
        """
        if ratio <= 0 or ratio >= 1:
            return torch.full_like(scores, ratio >= 1, dtype=torch.bool)
        if batch:
            own = scores if counted is None else scores[counted]
            return scores >= own.detach().float().quantile(1 - ratio)
        return scores.float() > self.threshold(ratio)

    def threshold(self, ratio: float) -> torch.Tensor:
        """Return the score that a share of the training data's tokens is above."""
        at = (1 - ratio) * (_GRID - 1)
        low = min(int(at), _GRID - 2)
        return torch.lerp(self.quantiles[low], self.quantiles[low + 1], at - low)


class InnerThinking(DepthNetwork):
    """The network; its depth is the steps of each thinking layer.

    Every step of every layer has a place of its own in the cache.
    """

    config_class = InnerThinkingConfig
    config: InnerThinkingConfig
    _tied_weights_keys = {"lm_head.weight": "embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: InnerThinkingConfig) -> None:
        super().__init__(config)
        width = config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        self.layers = nn.ModuleList(PreNormBlock(config) for _ in range(config.num_layers))
        steps = config.steps - 1 if config.routes else 0
        self.routers = nn.ModuleList(
            nn.ModuleList(Router(width) for _ in range(steps)) for _ in range(self._thinking)
        )
        self.norm = RMSNorm(width, config.rms_norm_eps)
        self.lm_head = nn.Linear(width, config.vocab_size, bias=False)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the embedding."""
        return self.embed_tokens

    def get_output_embeddings(self) -> nn.Module:
        """Return the head."""
        return self.lm_head

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)

    @property
    def _thinking(self) -> int:
        return self.config.num_layers // 2

    @property
    def depth(self) -> int:
        """See `DepthNetwork.depth`."""
        return self.config.depth or self.config.steps

    @property
    def layer_passes(self) -> float:
        """See `DepthNetwork.layer_passes`; a step counts for the share of tokens that take it."""
        share = self.config.ratio if self.config.routes else 1.0
        return self.config.num_layers + self._thinking * share * (self.depth - 1)

    def set_depth(self, depth: int) -> None:
        """See `DepthNetwork.set_depth`."""
        self.config.depth = depth

    def with_ratio(self, ratio: float) -> Self:
        """Return a network of the same weights in which another share of tokens thinks on.

        Raises:
            SettingsError: It is no share.
        """
        if not 0 <= ratio <= 1:
            raise SettingsError(f"ratio: got {ratio!r}; expected a share of tokens, in [0, 1].")
        other = self.copied()
        other.config.ratio = ratio
        return other

    def read(
        self,
        embedded: torch.Tensor,
        positions: torch.Tensor,
        run: Pass,
        counted: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See `DepthNetwork.read`; a token's iterations are those of all thinking layers."""
        x, place = embedded, 0
        steps = torch.zeros(embedded.shape[:2], dtype=torch.int64, device=embedded.device)
        for i, block in enumerate(self.layers):
            x = x + block.update(x, place, run)  # pyright: ignore[reportCallIssue]
            place += 1
            if i % 2 == 0:
                continue
            for t in range(1, self.depth):
                update = block.update(x, place, run)  # pyright: ignore[reportCallIssue]
                place += 1
                x, chosen = self._step(x, update, i // 2, t, counted)
                steps += chosen
        return self.norm(x), steps

    def _step(
        self, x: torch.Tensor, update: torch.Tensor, layer: int, t: int, counted: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The states after a step of a thinking layer, and `[R, Q]` whose changed."""
        if not self.config.routes:
            return x + update, torch.ones(x.shape[:2], dtype=torch.bool, device=x.device)
        router = self.router(layer, t)
        scores = router(x)
        chosen = router.chosen(scores, self.config.ratio, counted, batch=self.training)
        return torch.where(
            chosen[..., None], x + scores[..., None] * router.encoding * update, x
        ), chosen

    def router(self, layer: int, t: int) -> Router:
        """Return the router of a thinking layer's step; those beyond the trained share the last.

        Args:
            layer: Index among the thinking layers.
            t: From 1 on.
        """
        routers: Any = self.routers[layer]
        return routers[min(t, len(routers)) - 1]


@torch.no_grad()
def calibrate(network: InnerThinking, batches: Iterable[tuple[torch.Tensor, torch.Tensor]]) -> None:
    """Measure the quantiles of scores, and store them as the thresholds of generating.

    Tokens are chosen as in training meanwhile.

    Args:
        network: Of its trained steps; changed.
        batches: `[R, Q]` token ids, and which of them are text, of training data.
    """
    found: dict[Router, list[torch.Tensor]] = {}
    counted = torch.empty(0)

    def note(router: nn.Module, given: Any, scores: torch.Tensor) -> None:
        if isinstance(router, Router):
            found.setdefault(router, []).append(scores[counted].float())

    routers = [module for module in network.modules() if isinstance(module, Router)]
    handles = [router.register_forward_hook(note) for router in routers]
    was = network.training
    network.train()
    try:
        for ids, text in batches:
            counted = text
            network(input_ids=ids, counted=text, use_cache=False)
    finally:
        network.train(was)
        for handle in handles:
            handle.remove()
    grid = torch.linspace(0, 1, _GRID)
    for router, scores in found.items():
        router.quantiles.copy_(torch.cat(scores).quantile(grid))
