"""Prefix cache: keys and values of texts that were read, kept for what may follow them.

A tree: a node holds the keys and values of its own tokens alone and points to what comes before,
so that particles share the question and the steps that they have in common. The number of tokens
that are held is bounded; those that were not used for longest go first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cachetools import LRUCache

from potentials.reward_model.texts import common_prefix

if TYPE_CHECKING:
    import torch

    Layers = list[tuple[torch.Tensor, torch.Tensor]]
    """Of each layer, keys and values, `[heads, tokens, size]`."""

Key = tuple[str, tuple[str, ...]]
"""A question, and the steps so far."""


@dataclass(frozen=True, eq=False)
class Node:
    """A text that was read.

    Attributes:
        ids: All its token ids.
        start: How many of them are those of `parent`.
        layers: Keys and values of `ids[start:]`.
        parent: Holds the others; None where there are none.
        key: In the cache.
    """

    ids: tuple[int, ...]
    start: int
    layers: Layers
    parent: Node | None
    key: Key

    def pieces(self, length: int) -> list[tuple[Layers, int]]:
        """Return what holds the first `length` tokens, in order: layers, and how many of theirs."""
        pieces: list[tuple[Layers, int]] = []
        node: Node | None = self
        while node is not None and length > 0:
            if length > node.start:
                pieces.append((node.layers, length - node.start))
                length = node.start
            node = node.parent
        return pieces[::-1]


class Prefixes:
    """The cache.

    Args:
        max_tokens: Held at most; 0 holds none.
    """

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens
        self._nodes: LRUCache[Key, Node] = LRUCache(max_tokens, getsizeof=_own_tokens)

    @property
    def num_tokens(self) -> int:
        """How many are held."""
        return int(self._nodes.currsize)

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, key: Key) -> bool:
        return key in self._nodes

    def longest(self, key: Key, ids: Sequence[int]) -> tuple[Node | None, int]:
        """Return the node of the most steps of a key, and how many of `ids` it can stand for."""
        question, steps = key
        for end in range(len(steps), -1, -1):
            node = self._nodes.get((question, steps[:end]))
            if node is not None:
                self._touch(node)
                return node, common_prefix(node.ids, ids)
        return None, 0

    def add(self, node: Node) -> None:
        """Hold a node, and let go of others if there are too many tokens."""
        self._touch(node.parent)
        if _own_tokens(node) <= self.max_tokens:
            self._nodes[node.key] = node
            self._touch(node)

    def clear(self) -> None:
        """Let go of everything."""
        self._nodes.clear()

    def _touch(self, node: Node | None) -> None:
        """Mark a node as used, and what it points to after it, so that leaves are dropped first."""
        while node is not None:
            self._nodes.get(node.key)  # which marks it
            node = node.parent


def _own_tokens(node: Node) -> int:
    return len(node.ids) - node.start
