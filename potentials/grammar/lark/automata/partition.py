"""Partition refinement (Moore's algorithm): which of many things no one can tell apart."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def coarsest_partition(
    keys: Iterable[K], signature: Callable[[K, Mapping[K, int]], Hashable]
) -> dict[K, int]:
    """Return the coarsest partition in which the members of a block have one signature.

    Args:
        keys: What is partitioned.
        signature: Of a key, given the block of every key: what it looks like if only blocks can
            be told apart. With finer blocks it must not tell less.

    Returns:
        The block of each key, numbered from 0 in the order of the keys.
    """
    block: dict[K, int] = dict.fromkeys(keys, 0)
    count = min(1, len(block))
    while True:
        numbers: dict[tuple[int, Hashable], int] = {}
        block = {
            key: numbers.setdefault((old, signature(key, block)), len(numbers))
            for key, old in block.items()
        }
        if len(numbers) == count:
            return block
        count = len(numbers)
