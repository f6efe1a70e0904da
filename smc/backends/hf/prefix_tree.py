"""The prefix tree: keys and values of the beginnings that prompts share, each read once.

A node holds the columns of some tokens behind those of its parent. Prompts that part in the middle
of a node split it. What was used longest ago goes first when the tree outgrows its bound; rows
that run keep what they use.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Sequence
from typing import Any

import torch

MOST_BYTES = 1 << 30
"""The default bound of a tree."""

_TREES: weakref.WeakKeyDictionary[Any, PrefixTree] = weakref.WeakKeyDictionary()


class PrefixNode:
    """Some tokens of a prompt, and their keys and values given all that is before them.

    Args:
        tokens: Their ids.
        keys: For each layer `[1, Hkv, L, D]`.
        values: For each layer `[1, Hkv, L, Dv]`.
    """

    def __init__(
        self,
        tokens: tuple[int, ...],
        keys: Sequence[torch.Tensor],
        values: Sequence[torch.Tensor],
    ) -> None:
        self.tokens = tokens
        self.keys = keys
        self.values = values
        self.children: list[PrefixNode] = []
        self.last_used = 0

    @property
    def num_bytes(self) -> int:
        """Of the keys and values."""
        return sum(t.numel() * t.element_size() for t in (*self.keys, *self.values))

    def part(self, start: int, stop: int) -> PrefixNode:
        """Return the node of some of the tokens, without children, over the same memory."""
        keys, values = ([t[:, :, start:stop] for t in own] for own in (self.keys, self.values))
        return PrefixNode(self.tokens[start:stop], keys, values)

    def copied(self) -> PrefixNode:
        """Return the same with memory of its own."""
        keys, values = ([t.contiguous().clone() for t in own] for own in (self.keys, self.values))
        return PrefixNode(self.tokens, keys, values)


Path = tuple[PrefixNode, ...]
"""Nodes from the root down: what a row begins with."""


class PrefixTree:
    """What a network has read, by its tokens.

    Args:
        most_bytes: Bound on the keys and values that are kept when no row uses them.
        least_tokens: A common beginning that is shorter is not split off.
    """

    def __init__(self, most_bytes: int, least_tokens: int) -> None:
        self.most_bytes = most_bytes
        self.least_tokens = least_tokens
        self.lock = threading.RLock()
        self.works: bool | None = None  # whether the network can share; None until it was tried
        self.weights: object = None  # what they were when the nodes were read
        self._top: list[PrefixNode] = []
        self._clock = itertools.count(1)

    @property
    def num_bytes(self) -> int:
        """Of all keys and values in the tree."""
        return sum(node.num_bytes for node, _ in self._nodes())

    def match(self, tokens: tuple[int, ...]) -> Path:
        """Return the longest path whose tokens are the first of these; nodes are split for it."""
        path: list[PrefixNode] = []
        children = self._top
        while True:
            rest = tokens[sum(len(node.tokens) for node in path) :]
            node, common = _nearest(children, rest)
            if node is None or common < min(self.least_tokens, len(node.tokens)):
                break
            if common < len(node.tokens):
                node = self._split(children, node, common)
            path.append(node)
            children = node.children
        self._touch(path)
        return tuple(path)

    def add(self, path: Path, node: PrefixNode) -> None:
        """Put a node behind a path, and forget what then is too much."""
        (path[-1].children if path else self._top).append(node)
        self._touch([*path, node])
        self._shrink()

    def lengthen(self, path: Path, node: PrefixNode) -> Path:
        """Put a node behind a path, into the last of its nodes where nothing else goes on from it.

        Rows that use the last keep it as it was.

        Returns:
            The path of all tokens.
        """
        *above, last = path
        siblings = above[-1].children if above else self._top
        if last not in siblings or last.children:
            self.add(path, node)
            return (*path, node)
        both = zip((*last.keys, *last.values), (*node.keys, *node.values), strict=True)
        joined = [torch.cat(pair, dim=2) for pair in both]
        layers = len(last.keys)
        longer = PrefixNode((*last.tokens, *node.tokens), joined[:layers], joined[layers:])
        siblings[siblings.index(last)] = longer
        self._touch([*above, longer])
        self._shrink()
        return (*above, longer)

    def clear(self) -> None:
        """Forget everything."""
        self._top.clear()

    def _split(self, siblings: list[PrefixNode], node: PrefixNode, at: int) -> PrefixNode:
        """Put two nodes in the place of one; rows that use it keep it as it was."""
        head, tail = node.part(0, at).copied(), node.part(at, len(node.tokens)).copied()
        head.last_used = tail.last_used = node.last_used
        tail.children, head.children = node.children, [tail]
        siblings[siblings.index(node)] = head
        return head

    def _touch(self, nodes: Sequence[PrefixNode]) -> None:
        now = next(self._clock)
        for node in nodes:
            node.last_used = now

    def _shrink(self) -> None:
        total = self.num_bytes
        while total > self.most_bytes:
            leaves = [(n, siblings) for n, siblings in self._nodes() if not n.children]
            node, siblings = min(leaves, key=lambda leaf: leaf[0].last_used)
            siblings.remove(node)
            total -= node.num_bytes

    def _nodes(self) -> list[tuple[PrefixNode, list[PrefixNode]]]:
        """All nodes, each with the list that it is in."""
        reached: list[tuple[PrefixNode, list[PrefixNode]]] = []
        lists = [self._top]
        while lists:
            siblings = lists.pop()
            reached += [(node, siblings) for node in siblings]
            lists += [node.children for node in siblings]
        return reached


def tree_of(network: Any, least_tokens: int) -> PrefixTree:
    """Return the tree of a network, the same for all models that are made of it."""
    if network not in _TREES:
        _TREES[network] = PrefixTree(MOST_BYTES, least_tokens)
    return _TREES[network]


def common_length(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many first tokens two rows share."""
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _nearest(nodes: Sequence[PrefixNode], rest: Sequence[int]) -> tuple[PrefixNode | None, int]:
    """The node that shares most first tokens with a row, and how many."""
    shared = [(common_length(node.tokens, rest), i) for i, node in enumerate(nodes)]
    most, index = max(shared, default=(0, -1), key=lambda pair: pair[0])
    return (nodes[index], most) if most else (None, 0)
