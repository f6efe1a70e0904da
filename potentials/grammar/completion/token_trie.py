"""A trie of the vocabulary, walked for all tokens at once, one byte after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Step = Callable[[NDArray[np.int32], NDArray[np.uint8]], NDArray[np.int32]]
"""Gives `[n]` the next states of n states and bytes, −1 for none."""


class Walked(NamedTuple):
    """Where tokens lead.

    Attributes:
        tokens: `[n]` ids.
        states: `[n]` the state after each.
        visited: Nodes of the trie that the walk has met.
    """

    tokens: NDArray[np.int32]
    states: NDArray[np.int32]
    visited: int


class TokenTrie:
    """The tokens of a vocabulary by their bytes. Nodes are numbered level by level.

    Args:
        tokens: `[V]` the bytes of each; None or empty for those that are left out.
    """

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        ids = np.array([i for i, t in enumerate(tokens) if t], dtype=np.int32)
        texts = [tokens[i] or b"" for i in ids.tolist()]
        sizes = np.array([len(t) for t in texts], dtype=np.int64)
        text = np.frombuffer(b"".join(texts), dtype=np.uint8)
        begins = np.cumsum(sizes) - sizes
        nodes = np.zeros(len(ids), dtype=np.int64)  # of each token, at the present depth
        count, depth = 1, 0
        parents, bytes_ = [np.array([-1])], [np.zeros(1, np.uint8)]
        alive = np.arange(len(ids))
        while True:
            alive = alive[sizes[alive] > depth]
            if not len(alive):
                break
            edges = nodes[alive] << 8 | text[begins[alive] + depth]
            distinct, which = np.unique(edges, return_inverse=True)
            nodes[alive] = count + which
            parents.append(distinct >> 8)
            bytes_.append((distinct & 255).astype(np.uint8))
            count += len(distinct)
            depth += 1
        self.longest = depth
        self._byte = np.concatenate(bytes_)
        parent = np.concatenate(parents)
        # Children of one node have neighbouring numbers, in the order of their parents.
        self._first = np.searchsorted(parent, np.arange(count + 1))
        order = np.argsort(nodes, kind="stable")
        self._tokens = ids[order]
        self._first_token = np.searchsorted(nodes[order], np.arange(count + 1))

    def walk(self, state: int, step: Step) -> Walked:
        """Follow all tokens from a state."""
        nodes, states = np.zeros(1, np.int64), np.full(1, state, np.int32)
        tokens, ends, visited = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)], 0
        while len(nodes):
            children, states = _spread(self._first, nodes, states)
            states = step(states, self._byte[children])
            visited += len(children)
            nodes, states = children[states >= 0], states[states >= 0]
            found, at = _spread(self._first_token, nodes, states)
            tokens.append(self._tokens[found])
            ends.append(at)
        return Walked(np.concatenate(tokens), np.concatenate(ends), visited)


def _spread(
    first: NDArray[np.int64], nodes: NDArray[np.int64], states: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the entries `first[n]..first[n + 1]` of all nodes, and each one's node's state."""
    begins, counts = first[nodes], first[nodes + 1] - first[nodes]
    ends = np.cumsum(counts)
    size = int(ends[-1]) if len(ends) else 0
    entries = np.arange(size) + np.repeat(begins - (ends - counts), counts)
    return entries, np.repeat(states, counts)
