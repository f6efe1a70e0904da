"""The forward pass of a causal model, called with the arguments that it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from smc.backends.hf.cache import counts_columns, is_growing, new_cache, reorder
from smc.backends.hf.compiled_step import compiled_step_of
from smc.backends.hf.internals import cache_argument, cache_of, has_columns, parameters_of
from smc.backends.hf.row_prefixes import RowPrefixes
from smc.backends.hf.shared_attention import SharedPass
from smc.errors import ModelError


@dataclass(frozen=True)
class Batch:
    """Rows of different lengths, padded on the left.

    Attributes:
        ids: `[R, L]` token ids; 0 as padding.
        mask: `[R, L]` 1 for a token, 0 for padding.
        lengths: `[R]` tokens of each row.
    """

    ids: torch.Tensor
    mask: torch.Tensor
    lengths: list[int]

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]], device: torch.device) -> Batch:
        """Pad rows of token ids, none of them empty."""
        lengths = [len(row) for row in rows]
        ids = np.zeros((len(rows), max(lengths)), dtype=np.int64)
        mask = np.zeros_like(ids)
        for r, row in enumerate(rows):
            ids[r, -len(row) :] = row
            mask[r, -len(row) :] = 1
        return cls(torch.from_numpy(ids).to(device), torch.from_numpy(mask).to(device), lengths)

    @property
    def padded(self) -> bool:
        """Whether any row is shorter than the longest."""
        return min(self.lengths) < max(self.lengths)


class Forward:
    """Runs a model; knows which arguments its `forward` takes, and nothing of rows.

    Attributes:
        network: The model.
        device: Where token ids go.
        name: Of the model's class, for messages.
        takes_mask: Whether columns can be masked out of a row.
        takes_positions: Whether a row's position can differ from its column.
    """

    def __init__(self, model: Any) -> None:
        names = parameters_of(model)
        self.network = model
        self.device: torch.device = model.device
        self.name = type(model).__name__
        self.takes_mask = "attention_mask" in names
        self.takes_positions = "position_ids" in names
        keeps = ("logits_to_keep", "num_logits_to_keep")
        self._keep_names = [keep for keep in keeps if keep in names]
        self._cache_name = cache_argument(names)

    def runs_with(self, other: Forward) -> bool:
        """Whether rows of both can be in one forward pass."""
        return self.network is other.network

    @cached_property
    def can_mask_columns(self) -> bool:
        """Whether a masked column anywhere in a row leaves no trace in it."""
        return (
            self._attends_to_all
            and self.takes_mask
            and self.takes_positions
            and not counts_columns(self.network.config.get_text_config(decoder=True))
        )

    @cached_property
    def can_pad(self) -> bool:
        """Whether rows of different lengths can share a batch.

        Full attention leaves masked columns out. Other models may take a mask and ignore it, so
        they are asked: the same tokens with and without padding must give the same logits.
        """
        if not self.takes_mask or self._attends_to_all:
            return self.takes_mask
        short, long = [0, 1, 2], [2, 1, 0] * 4
        with torch.inference_mode():
            alone = self.whole(Batch.of([short], self.device))
            padded = self.whole(Batch.of([short, long], self.device))[:1]
        return self.agree(alone, padded)

    @cached_property
    def can_fork(self) -> bool:
        """Whether the cache can be reordered; caches of the models' own are asked, as above."""
        if self._attends_to_all:
            return True
        with torch.inference_mode():
            _, cache = self.prefill(Batch.of([[0, 1, 2], [2, 1, 0]], self.device))
            if cache is None:
                return False
            expected = self.whole(Batch.of([[2, 1, 0, 1], [0, 1, 2, 1], [2, 1, 0, 2]], self.device))
            try:
                reorder(cache, np.array([1, 0, 1]), self.device)
                tokens = torch.tensor([[1], [1], [2]], device=self.device)
                position = torch.full((1, 1), 3, device=self.device)
                stepped, _ = self.step(tokens, cache, None, position)
            except Exception:  # the model's own code: whatever it raises, it cannot be forked
                return False
        return self.agree(expected, stepped[:, -1])

    def agree(
        self, expected: torch.Tensor, computed: torch.Tensor, *, strict: bool = False
    ) -> bool:
        """Whether two computations of `[..., n]` numbers differ by no more than rounding.

        Args:
            expected: One.
            computed: The other.
            strict: Of float32, allow a tenth of what is allowed else.
        """
        tolerance = 0.05  # in standard deviations
        if self.network.dtype == torch.float32:
            tolerance = 1e-4 if strict else 1e-3
        expected, computed = expected.float(), computed.float()
        error = (expected - computed).square().mean(-1).sqrt()
        return bool((error <= tolerance * expected.std(-1)).all())

    @cached_property
    def _attends_to_all(self) -> bool:
        return bool(self._cache_name) and new_cache(self.network.config) is not None

    def prefill(
        self, batch: Batch, prefixes: RowPrefixes | None = None
    ) -> tuple[torch.Tensor, Any]:
        """Run whole rows, or what stands behind their shared prefixes.

        Args:
            batch: Of their token ids.
            prefixes: What the rows share; None where that is nothing.

        Returns:
            `[R, V]` logits after the last token, and a cache that forks, or None.
        """
        if not self._cache_name:
            return self.whole(batch), None
        if prefixes is not None and prefixes.shared:
            lengths = torch.from_numpy(prefixes.lengths).to(self.device)
            positions = lengths[:, None] + (batch.mask.cumsum(-1) - 1).clamp_(min=0)
            mask = batch.mask if batch.padded else None
            cache = new_cache(self.network.config)
            logits, cache = self.step(batch.ids, cache, mask, positions, prefixes, keep=1)
            return logits[:, -1], cache
        arguments = {**self._inputs(batch), "use_cache": True}
        given = new_cache(self.network.config)
        if given is not None:
            arguments[self._cache_name] = given
        out = self.network(**arguments)
        cache = cache_of(out)
        if cache is given and given is not None and not given.get_seq_length():
            cache = None  # the model took it and left it empty
        return out.logits[:, -1], cache

    def step(
        self,
        tokens: torch.Tensor,
        cache: Any,
        mask: torch.Tensor | None,
        positions: torch.Tensor,
        prefixes: RowPrefixes | None = None,
        *,
        keep: int | None = None,
    ) -> tuple[torch.Tensor, Any]:
        """Run k tokens of each row.

        Args:
            tokens: `[R, k]` ids.
            cache: As the last call returned it.
            mask: `[R, columns]` with these tokens' columns; None where all are ones.
            positions: `[R, k]`, or `[1, k]` where all rows are equal.
            prefixes: What the rows share, beside the columns of the cache.
            keep: How many of the last logits to return; by default all k.

        Returns:
            `[R, keep, V]` logits, and the cache.

        Raises:
            ModelError: The network's attention was changed after it read what rows share.
        """
        width = tokens.shape[1]
        kept = width if keep is None else keep
        graph = compiled_step_of(self.network)
        shared = None
        if prefixes is not None and prefixes.shared:
            shared = SharedPass(prefixes.segments, mask, width, cache.get_seq_length() + width)
        single = width == 1 < len(tokens) and is_growing(cache)
        if graph is None or shared is None or not single:
            return self._plainly(tokens, cache, mask, positions, shared, kept)

        def plainly() -> torch.Tensor:
            return self._plainly(tokens, cache, mask, positions, shared, 1)[0]

        return graph.logits(self, tokens, positions, cache, shared, plainly), cache

    def _plainly(
        self,
        tokens: torch.Tensor,
        cache: Any,
        mask: torch.Tensor | None,
        positions: torch.Tensor,
        shared: SharedPass | None,
        kept: int,
    ) -> tuple[torch.Tensor, Any]:
        """`step`, layer by layer as the network has it."""
        arguments = {"input_ids": tokens, "use_cache": True, self._cache_name: cache}
        # Purely recurrent models take a mask of the new columns alone: at a step, none.
        if shared is not None:
            arguments["shared"] = shared
        elif mask is not None and self.takes_mask and has_columns(cache):
            arguments["attention_mask"] = mask
        if self.takes_positions:
            arguments["position_ids"] = positions
        out = self.network(**arguments, **self.keep(kept))
        cache = cache_of(out)
        if shared is not None and shared.layers_done != len(cache.layers):
            raise ModelError(
                f"{self.name}: {shared.layers_done} of {len(cache.layers)} layers attended to what "
                "the rows share; expected all. Leave the network's attention implementation as it "
                "is while a run uses it, or start the run anew."
            )
        return out.logits[:, -kept:], cache

    def whole(self, batch: Batch) -> torch.Tensor:
        """`[R, V]` logits after whole rows, without a cache."""
        arguments = self._inputs(batch)
        if self._cache_name:
            arguments["use_cache"] = False
        return self.network(**arguments).logits[:, -1]

    def keep(self, count: int) -> dict[str, Any]:
        """Return the argument that asks for the last logits alone, where there is one."""
        return dict.fromkeys(self._keep_names, count)

    def _inputs(self, batch: Batch) -> dict[str, Any]:
        arguments = {"input_ids": batch.ids, **self.keep(1)}
        if self.takes_mask:
            arguments["attention_mask"] = batch.mask
        if self.takes_positions:
            arguments["position_ids"] = (batch.mask.cumsum(-1) - 1).clamp_(min=0)
        return arguments
