"""Prefill: prompts read into shared prefixes, and the rest of each into a cache of rows.

All of a prompt but its last token can be shared; the rest, at least that token, is each row's own.
Beginnings that prompts of one call have in common are read once, and so are those that earlier
calls have left in the network's prefix tree.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from smc.backends.hf.forward import Batch, Forward
from smc.backends.hf.internals import attention_of
from smc.backends.hf.prefix_tree import Path, PrefixNode, PrefixTree, common_length, tree_of
from smc.backends.hf.row_prefixes import RowPrefixes
from smc.backends.hf.shared_attention import ATTENTION

_LOGGER = logging.getLogger(__name__)

LEAST_SHARED = 64
"""Tokens below which a product of its own costs more than it saves."""

Tokens = tuple[int, ...]


@dataclass(frozen=True)
class Prefilled:
    """Rows that were read.

    Attributes:
        prefixes: What each shares.
        batch: The tokens behind these.
        logits: `[R, V]` after the last token.
        cache: Of the tokens of the batch; None where the network has none that forks.
    """

    prefixes: RowPrefixes
    batch: Batch
    logits: torch.Tensor
    cache: Any


def prefill(forward: Forward, rows: Sequence[Tokens]) -> Prefilled:
    """Read distinct rows of token ids."""
    paths: list[Path] = [()] * len(rows)
    if max(len(row) for row in rows) > LEAST_SHARED:
        tree = tree_of(forward.network, LEAST_SHARED)
        with tree.lock:
            if can_share(forward, tree):
                paths = _read(forward, tree, [row[:-1] for row in rows])
    prefixes = RowPrefixes.of(paths, forward.device)
    own = [row[n:] for row, n in zip(rows, prefixes.lengths.tolist(), strict=True)]
    batch = Batch.of(own, forward.device)
    return Prefilled(prefixes, batch, *forward.prefill(batch, prefixes))


def can_share(forward: Forward, tree: PrefixTree) -> bool:
    """Whether a network's rows can share prefixes; tried once, and said where they cannot."""
    if tree.works is None:
        tree.works = _try_to_share(forward)
        if not tree.works:
            _LOGGER.warning(
                "%s: its attention cannot share what rows have in common, so keys and values of a "
                "prompt are stored and read for each row. Expect long prompts to cost time and "
                "memory with every row.",
                forward.name,
            )
    return tree.works and attention_of(forward.network) == ATTENTION


def _try_to_share(forward: Forward) -> bool:
    """Compare rows over shared prefixes with the same rows run whole."""
    before = attention_of(forward.network)
    if not forward.can_mask_columns or before not in ("sdpa", ATTENTION):
        return False
    long, short = (0, 1, 2, 2, 1, 0, 0), (2, 2, 1)
    own = ((1,), (2,), (0, 2))  # the last of them shares nothing
    blocks = np.array([[0, 1], [2, 0], [1, 1]])
    whole = [(*p, *o, *b) for p, o, b in zip((long, short, ()), own, blocks.tolist(), strict=True)]
    tree = PrefixTree(1 << 30, 1)
    try:
        with torch.inference_mode():
            expected = forward.whole(Batch.of(whole, forward.device))
            forward.network.set_attn_implementation(ATTENTION)
            paths = [*_read(forward, tree, [long, short]), ()]
            prefixes = RowPrefixes.of(paths, forward.device)
            batch = Batch.of(own, forward.device)
            _, cache = forward.prefill(batch, prefixes)
            mask = torch.cat([batch.mask, batch.mask.new_ones(blocks.shape)], dim=1)
            lengths = torch.from_numpy(prefixes.lengths).to(forward.device)
            first = lengths[:, None] + batch.mask.sum(1, keepdim=True)
            positions = first + torch.arange(blocks.shape[1], device=forward.device)
            tokens = torch.from_numpy(blocks).to(forward.device)
            logits, _ = forward.step(tokens, cache, mask, positions, prefixes)
        works = forward.agree(expected, logits[:, -1])
    except Exception:  # the network's own code: whatever it raises, it cannot share
        works = False
    if not works:
        forward.network.set_attn_implementation(before)
    return works


def known_path(forward: Forward, tree: PrefixTree, row: Tokens) -> Path:
    """The path of a row's first tokens, as far as earlier calls have read them."""
    return _known_paths(forward, tree, [row])[0]


def _known_paths(forward: Forward, tree: PrefixTree, rows: Sequence[Tokens]) -> list[Path]:
    paths: list[Path] = [tree.match(row) for row in rows]
    known = list(dict.fromkeys(path for path in paths if path))
    weights = _state_of(forward.network)
    if known and not (tree.weights == weights and _still_right(forward, known)):
        tree.clear()
        paths = [() for _ in rows]
    tree.weights = weights
    return paths


def _read(forward: Forward, tree: PrefixTree, rows: Sequence[Tokens]) -> list[Path]:
    """The path of each row's tokens, read as far as earlier calls have not."""
    paths = _known_paths(forward, tree, rows)
    while wanted := _missing(rows, paths, tree.least_tokens):
        for group in _of_like_length(wanted):
            for (path, _), node in zip(group, read_nodes(forward, group), strict=True):
                tree.add(path, node)
                for r, row in enumerate(rows):
                    start = _length(path)
                    if paths[r] == path and row[start : start + len(node.tokens)] == node.tokens:
                        paths[r] = (*path, node)
    return paths


def _state_of(network: Any) -> list[tuple[int, int]]:
    """Where each weight lies and how often torch has seen it written to: a step of training shows.

    What torch does not see (`weight.data += …`, an adapter that is switched) does not.
    """
    return [(p.data_ptr(), 0 if p.is_inference() else p._version) for p in network.parameters()]


def _still_right(forward: Forward, paths: Sequence[Path]) -> bool:
    """Whether the network would still compute what it left in the tree.

    The last token of each path is run once more, given all before it: its keys and values depend
    on every weight below the last layer's output.
    """
    before = [_without_last_token(path) for path in paths]
    prefixes = RowPrefixes.of(before, forward.device)
    batch = Batch.of([path[-1].tokens[-1:] for path in paths], forward.device)
    _, cache = forward.prefill(batch, prefixes)
    return all(
        forward.agree(old[0, :, -1].flatten(), new[r, :, -1].flatten(), strict=True)
        for r, path in enumerate(paths)
        for layer, *olds in zip(cache.layers, path[-1].keys, path[-1].values, strict=True)
        for old, new in zip(olds, (layer.keys, layer.values), strict=True)
    )


def _without_last_token(path: Path) -> Path:
    *above, last = path
    left = len(last.tokens) - 1  # a node of no columns would be no node
    return (*above, last.part(0, left)) if left else tuple(above)


def _missing(
    rows: Sequence[Tokens], paths: Sequence[Path], least: int
) -> list[tuple[Path, Tokens]]:
    """What to read next behind which path: a beginning of several rows, or a row's whole rest."""
    rests: dict[Path, set[Tokens]] = {}
    for row, path in zip(rows, paths, strict=True):
        rest = row[_length(path) :]
        if len(rest) >= least:
            rests.setdefault(path, set()).add(rest)
    return [(path, tokens) for path, group in rests.items() for tokens in _common(group, least)]


def _common(rests: set[Tokens], least: int) -> Iterator[Tokens]:
    """The beginnings of rows that start alike, in their order, each as long as all have it."""
    ordered = sorted(rests)
    while ordered:
        first, length, members = ordered[0], len(ordered[0]), 1
        while members < len(ordered):
            common = common_length(first, ordered[members])
            if common < least:
                break
            length = min(length, common)
            members += 1
        yield first[:length]
        ordered = ordered[members:]


def _of_like_length(
    wanted: Sequence[tuple[Path, Tokens]],
) -> Iterator[list[tuple[Path, Tokens]]]:
    """Groups that can be read as one batch without much padding."""
    ordered = sorted(wanted, key=lambda item: len(item[1]))
    while ordered:
        most = 2 * len(ordered[0][1])
        group = [item for item in ordered if len(item[1]) <= most]
        yield group
        ordered = ordered[len(group) :]


def read_nodes(forward: Forward, wanted: Sequence[tuple[Path, Tokens]]) -> Iterator[PrefixNode]:
    """The nodes of some tokens, each behind its path, in one forward pass."""
    prefixes = RowPrefixes.of([path for path, _ in wanted], forward.device)
    batch = Batch.of([tokens for _, tokens in wanted], forward.device)
    _, cache = forward.prefill(batch, prefixes)
    for r, (_, tokens) in enumerate(wanted):
        keys = [layer.keys[r : r + 1, :, -len(tokens) :] for layer in cache.layers]
        values = [layer.values[r : r + 1, :, -len(tokens) :] for layer in cache.layers]
        yield PrefixNode(tokens, keys, values).copied()


def _length(path: Path) -> int:
    return sum(len(node.tokens) for node in path)
