"""A step of all rows as one compiled graph: what stands between the products is fused.

A step of few rows spends a fourth of its time between its products: on norms, rotations and gates
of a few thousand numbers each, and on Python. `torch.compile` makes one graph of a network's step.
Two things in it stay as they are, an operation each: attention over the cache and what rows share,
and products with weights that are laid out (`packed_linear`). They find their cache and their
layers in the pass that is being run, so that a graph serves every cache and any number of rows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch

from smc.backends.hf.packed_linear import PackedLinear
from smc.backends.hf.shared_attention import SharedPass, TracedPass, attend_in
from smc.errors import first_line

if TYPE_CHECKING:
    from smc.backends.hf.forward import Forward

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class _Pass:
    """What the operations of a graph need beside their tensors."""

    cache: Any
    shared: SharedPass
    layers: Sequence[PackedLinear]


_PASS: ContextVar[_Pass] = ContextVar("pass of a compiled step")


# Not `torch.library.custom_op`, which looks after each call for what it may have changed: with it a
# step of 121 of them took 79 ms in place of 67, and 72 without a graph.
_LIBRARY = torch.library.Library("smc", "DEF")
_LIBRARY.define(
    "attend_in_pass(Tensor query, Tensor key, Tensor value, int layer, float scale) -> Tensor"
)
_LIBRARY.define("laid_out_product(Tensor input, int layer, int width) -> Tensor")


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layer: int, scale: float
) -> torch.Tensor:
    now = _PASS.get()
    key, value = now.cache.update(key, value, layer)
    return attend_in(now.shared, layer, query, key, value, scale)


def _attend_fake(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, layer: int, scale: float
) -> torch.Tensor:
    rows, heads, width, _ = query.shape
    return query.new_empty(rows, width, heads, value.shape[-1])


def _product(input: torch.Tensor, layer: int, width: int) -> torch.Tensor:
    out = _PASS.get().layers[layer].product(input)
    if out.shape[-1] != width:  # layers that shared a product have parted, as weights changed
        raise RuntimeError(f"a product of {width} outputs has {out.shape[-1]} now")
    return out


def _product_fake(input: torch.Tensor, layer: int, width: int) -> torch.Tensor:
    return input.new_empty(*input.shape[:-1], width)


for _name, _compute, _shape in (
    ("attend_in_pass", _attend, _attend_fake),
    ("laid_out_product", _product, _product_fake),
):
    _LIBRARY.impl(_name, _compute, "CompositeExplicitAutograd")
    torch.library.register_fake(f"smc::{_name}", _shape, lib=_LIBRARY)


def _step(
    network: Any, tokens: torch.Tensor, positions: torch.Tensor, keep: dict[str, int]
) -> torch.Tensor:
    """What a graph is made of: `[R, 1, V]` logits; the cache is `_attend`'s, not the network's."""
    traced = TracedPass()
    return network(
        input_ids=tokens, position_ids=positions, use_cache=False, shared=traced, **keep
    ).logits


class CompiledStep:
    """The graph of a network's step: made at the first one, and kept if it computes the same.

    Attributes:
        works: Whether it does; None before the first step.
    """

    def __init__(self, network: Any) -> None:
        # Where Python calls the graph's operations one by one, a third of the gain is lost.
        options: dict[str, Any] | None = (
            {"cpp_wrapper": True} if network.device.type == "cpu" else None
        )
        self._graph = torch.compile(_step, dynamic=True, fullgraph=True, options=options)
        self._layers = [m for m in network.modules() if isinstance(m, PackedLinear)]
        for number, layer in enumerate(self._layers):
            layer.number = number
        self.works: bool | None = None

    def logits(
        self,
        forward: Forward,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        shared: SharedPass,
        plainly: Callable[[], torch.Tensor],
    ) -> torch.Tensor:
        """Return `[R, 1, V]` logits, and append a column to the cache.

        Args:
            forward: Of the network that this was made for.
            tokens: `[R, 1]` ids, R > 1.
            positions: `[R, 1]`, or `[1, 1]` where all rows are equal.
            cache: Of growing layers.
            shared: The pass.
            plainly: Does the same without a graph.
        """
        if self.works is False:
            return plainly()
        length = cache.get_seq_length()
        reason = "it computes something else"
        try:
            with _running(_Pass(cache, shared, self._layers)):
                places = positions.expand(len(tokens), -1).contiguous()
                computed = self._graph(forward.network, tokens, places, forward.keep(1))
            if shared.layers_done != len(cache.layers):
                raise RuntimeError(
                    f"{shared.layers_done} of its layers attended to what rows share"
                )
            if self.works:
                return computed
        except Exception as error:  # of the network's own code, the tracing and the compiler
            computed, reason = None, f"{type(error).__name__}: {first_line(error)}"
        for layer in cache.layers:
            layer.crop(length)
        shared.layers_done = 0
        expected = plainly()
        self.works = computed is not None and forward.agree(expected.flatten(), computed.flatten())
        if not self.works:
            _LOGGER.warning(
                "%s: its step is not compiled, since %s. It runs as without `compile`. A C++ "
                "compiler is needed on a CPU (g++), Triton on a GPU.",
                forward.name,
                reason,
            )
        return expected


_STEPS: WeakKeyDictionary[Any, CompiledStep] = WeakKeyDictionary()


def compile_steps(network: torch.nn.Module) -> None:
    """Have the steps of all models that are made of a network run compiled."""
    _STEPS[network] = CompiledStep(network)


def compiled_step_of(network: Any) -> CompiledStep | None:
    """Return the step of a network; None where none was asked for."""
    return _STEPS.get(network)


@contextmanager
def _running(now: _Pass) -> Iterator[None]:
    token = _PASS.set(now)
    try:
        yield
    finally:
        _PASS.reset(token)
