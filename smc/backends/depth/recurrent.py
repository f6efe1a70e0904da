"""Recurrent depth: a core of layers that runs as often as one likes over a latent state.

A prelude reads the tokens, e = P(x). A random state s is refined r times, s ← core(adapter[s; e]),
and a coda turns it into logits. r is drawn anew at each step of training, with gradients through
the last iterations alone, so any r can be asked for afterwards: more iterations are more thought,
without a token written.

Keys and names of weights are those of the published model, tomg-group-umd/huginn-0125, whose
checkpoint loads as it is.

Source: Geiping et al. (2025), Scaling up test-time compute with latent reasoning: a recurrent
depth approach (2502.05171); seal-rg/recurrent-pretraining.
"""

from __future__ import annotations

import functools
import math
from typing import Any, Self

import torch
from torch import nn

from smc.backends.depth.blocks import Attention, GatedMLP, Pass, RMSNorm
from smc.backends.depth.configs import RecurrentDepthConfig
from smc.backends.depth.exits import Exit, thought_until
from smc.backends.depth.network import DepthNetwork

_SIGMA = 0.5
"""Of the logarithm of the rate that iterations are drawn with."""


class SandwichBlock(nn.Module):
    """A block with norms before attention and gated part, and on the sums behind each."""

    def __init__(self, config: RecurrentDepthConfig) -> None:
        super().__init__()
        width, eps = config.n_embd, config.norm_eps
        heads = config.num_key_value_heads or config.n_heads
        self.norm_1, self.norm_2 = RMSNorm(width, eps), RMSNorm(width, eps)
        self.norm_3, self.norm_4 = RMSNorm(width, eps), RMSNorm(width, eps)
        self.attn = Attention(width, config.n_heads, heads, bias=config.qk_bias)
        self.mlp = GatedMLP(width, config.intermediate_size)

    def forward(self, x: torch.Tensor, index: int, run: Pass) -> torch.Tensor:
        """Return `[R, Q, width]`; `index` is the block's place in the cache."""
        x = self.norm_2(self.attn(self.norm_1(x), index, run) + x)
        return self.norm_4(self.mlp(self.norm_3(x)) + x)


class RecurrentDepth(DepthNetwork):
    """The network.

    At iteration i the core's layer j has place prelude + i·core + j in the cache, so a cache that
    adds layers as they are asked for serves any r, as long as it is one r.

    The first state depends on a seed and a token's position alone: p(x) is one fixed distribution,
    however rows are batched or tokens cached. In training it is drawn anew for each pass.
    """

    config_class = RecurrentDepthConfig
    config: RecurrentDepthConfig
    _tied_weights_keys = {"lm_head.weight": "transformer.wte.weight"}  # noqa: RUF012
    _keys_to_ignore_on_load_unexpected = ["freqs_cis"]  # noqa: RUF012 - tables of angles

    def __init__(self, config: RecurrentDepthConfig) -> None:
        super().__init__(config)
        width, ids = config.n_embd, config.padded_vocab_size or config.vocab_size
        counts = {
            "prelude": config.n_layers_in_prelude,
            "core_block": config.n_layers_in_recurrent_block,
            "coda": config.n_layers_in_coda,
        }
        blocks = {
            name: nn.ModuleList(SandwichBlock(config) for _ in range(count))
            for name, count in counts.items()
        }
        self.transformer = nn.ModuleDict(
            {
                "wte": nn.Embedding(ids, width),
                "adapter": nn.Linear(2 * width, width, bias=config.bias),
                "ln_f": RMSNorm(width, config.norm_eps),
                **blocks,
            }
        )
        self.lm_head = nn.Linear(width, ids, bias=False)
        self.exit: Exit | None = None
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """Return the embedding."""
        return self.transformer["wte"]

    def get_output_embeddings(self) -> nn.Module:
        """Return the head."""
        return self.lm_head

    def _init_weights(self, module: nn.Module) -> None:
        """Draw a module's weights; what writes into the residual sums is smaller the deeper."""
        std = self._scales["std"]
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.trunc_normal_(module.weight, std=std, a=-3 * std, b=3 * std)
        elif isinstance(module, Attention | GatedMLP):
            small = std / math.sqrt(2 * self.config.num_hidden_layers)
            nn.init.trunc_normal_(module.proj.weight, std=small, a=-3 * small, b=3 * small)

    @property
    def _scales(self) -> dict[str, float]:
        return self.config.init_values or {}

    @property
    def depth(self) -> int:
        """See `DepthNetwork.depth`."""
        return self.config.recurrence or self.config.mean_recurrence

    @property
    def layer_passes(self) -> float:
        """See `DepthNetwork.layer_passes`; with exits it is what a token costs at most."""
        return self.config.num_hidden_layers

    def set_depth(self, depth: int) -> None:
        """See `DepthNetwork.set_depth`."""
        self.config.recurrence = depth

    @property
    def caches(self) -> bool:
        """See `DepthNetwork.caches`; tokens that stop apart leave no columns to go on from."""
        return self.exit is None

    def with_exit(self, rule: Exit | None) -> Self:
        """Return a network of the same weights whose tokens stop thinking by a rule.

        Its rows are run from their first token at every step. The depth is the cap.

        Args:
            rule: When a token stops; None: at the cap.
        """
        other = self.copied()
        other.exit = rule
        return other

    def read(
        self,
        embedded: torch.Tensor,
        positions: torch.Tensor,
        run: Pass,
        counted: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor | None]:
        """See `DepthNetwork.read`."""
        place = 0
        read = embedded * self._scales["embed_scale"]
        for block in self._blocks("prelude"):
            read = block(read, place, run)
            place += 1
        if self.training:
            return self._read_out(self._trained(read, place, run), place, run), None
        state = self._first_states(read, positions)
        if self.exit is not None:
            state, steps = thought_until(
                self.exit,
                state,
                self.depth,
                lambda s: self._iterate(s, read, place, run),
                lambda s: self.lm_head(self._read_out(s, place, run)),
            )
            return self._read_out(state, place, run), steps
        for _ in range(self.depth):
            state = self._iterate(state, read, place, run)
            place += len(self._blocks("core_block"))
        return self._read_out(state, place, run), None

    def _blocks(self, name: str) -> Any:
        return self.transformer[name]

    def _iterate(
        self, state: torch.Tensor, read: torch.Tensor, place: int, run: Pass
    ) -> torch.Tensor:
        """One round of the core; the tokens are given to it anew each time."""
        state = self.transformer["adapter"](torch.cat([state, read], dim=-1))
        for j, block in enumerate(self._blocks("core_block")):
            state = block(state, place + j, run)
        return state

    def _read_out(self, state: torch.Tensor, place: int, run: Pass) -> torch.Tensor:
        """What the head reads; the last norm comes before the coda and behind it."""
        norm = self.transformer["ln_f"]
        state = norm(state)
        for j, block in enumerate(self._blocks("coda")):
            state = block(state, place + j, run)
        return norm(state)

    def _trained(self, read: torch.Tensor, place: int, run: Pass) -> torch.Tensor:
        """As many iterations as are drawn, the last of them with gradients."""
        config = self.config
        ahead, learned = draw_iterations(config.mean_recurrence, config.mean_backprop_depth)
        std, scale = self._scales["std"], self._scales["embed_scale"]
        state = torch.empty_like(read, requires_grad=False)
        nn.init.trunc_normal_(state, std=std, a=-3 * std, b=3 * std).mul_(scale)
        with torch.no_grad():
            for _ in range(ahead):
                state = self._iterate(state, read, place, run)
        for _ in range(learned):
            state = self._iterate(state, read, place, run)
        return state

    def _first_states(self, like: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """`[R or 1, Q, width]`, expanded to the batch: what each position begins with."""
        config = self.config
        table = first_states(config.state_seed, config.block_size, config.n_embd)
        std_scale = self._scales["std"] * self._scales["embed_scale"]
        chosen = table.to(like.device)[positions] * std_scale
        return chosen.to(like.dtype).expand_as(like)


@functools.lru_cache(maxsize=4)
def first_states(seed: int, positions: int, width: int) -> torch.Tensor:
    """Return `[positions, width]` standard normal numbers, cut at three."""
    drawn = torch.empty(positions, width)
    generator = torch.Generator().manual_seed(seed)
    return nn.init.trunc_normal_(drawn, a=-3.0, b=3.0, generator=generator)


def draw_iterations(
    mean: int, learned: int, generator: torch.Generator | None = None
) -> tuple[int, int]:
    """Draw how many iterations a training step has: without gradients, and with.

    r − 1 is Poisson of a rate that is log-normal around the mean: most steps are near it, some go
    far beyond.

    Args:
        mean: r̄.
        learned: Iterations with gradients, at most.
        generator: Of the draws; None: torch's own.
    """
    normal = float(torch.randn((), generator=generator))
    rate = math.exp(math.log(mean) - _SIGMA**2 / 2 + _SIGMA * normal)
    drawn = int(torch.poisson(torch.tensor(rate), generator=generator)) + 1
    return max(drawn - learned, 0), min(learned, drawn)
