"""Row prefixes: which shared beginnings each row of a batch has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from smc.backends.hf.prefix_tree import Path, PrefixNode
from smc.backends.hf.shared_attention import Segment
from smc.model import IntArray


@dataclass(frozen=True)
class RowPrefixes:
    """The path of each row of a batch; empty for a row that shares nothing.

    Attributes:
        paths: Distinct ones.
        which: `[R]` index of each row's.
        device: Of the rows.
    """

    paths: tuple[Path, ...]
    which: IntArray
    device: torch.device

    @classmethod
    def of(cls, paths: Sequence[Path], device: torch.device) -> RowPrefixes:
        """The paths of some rows, in order."""
        distinct = {path: i for i, path in enumerate(dict.fromkeys(paths))}
        which = np.array([distinct[path] for path in paths], dtype=np.int64)
        return cls(tuple(distinct), which, device)

    def take(self, rows: IntArray) -> RowPrefixes:
        """Those of some rows, in a new order; nodes of no row are let go."""
        if len(self.paths) == 1:
            if len(rows) == len(self.which):
                return self
            return RowPrefixes(self.paths, np.zeros(len(rows), dtype=np.int64), self.device)
        kept, which = np.unique(self.which[rows], return_inverse=True)
        paths = tuple(self.paths[k] for k in kept)
        return RowPrefixes(paths, which.astype(np.int64), self.device)

    def joined(self, other: RowPrefixes) -> RowPrefixes:
        """These rows, and others behind."""
        rows = [pre.paths[w] for pre in (self, other) for w in pre.which]
        return RowPrefixes.of(rows, self.device)

    @property
    def shared(self) -> bool:
        """Whether any row shares anything."""
        return any(self.paths)

    @cached_property
    def lengths(self) -> IntArray:
        """`[R]` tokens of each row's path."""
        lengths = [sum(len(node.tokens) for node in path) for path in self.paths]
        return np.array(lengths, dtype=np.int64)[self.which]

    @cached_property
    def segments(self) -> tuple[Segment, ...]:
        """What the rows have in common, each with the rows that have it."""
        users: dict[PrefixNode, list[int]] = {}
        for index, path in enumerate(self.paths):
            for node in path:
                users.setdefault(node, []).append(index)
        return tuple(self._segment(node, paths) for node, paths in users.items())

    def _segment(self, node: PrefixNode, paths: list[int]) -> Segment:
        rows = None
        if len(paths) < len(self.paths):
            chosen = np.flatnonzero(np.isin(self.which, paths))
            rows = torch.from_numpy(chosen).to(self.device)
        return Segment(node.keys, node.values, rows)
