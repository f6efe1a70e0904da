"""Trees of steps: extend, score, keep the best, for one tree or many side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from smc.errors import SettingsError
from smc.strategies.aggregate import aggregate
from smc.strategies.chains import Chain, at_least_one
from smc.strategies.search import Search

Completed = Literal["leave", "occupy"]


@dataclass(frozen=True)
class Growing:
    """How a tree grows.

    Attributes:
        keep: K, how many candidates of a round go on.
        completed: What becomes of finished candidates. `leave`: they are put aside, and the tree
            goes on at its full width with the others (search-and-learn's beam). `occupy`: they
            compete for the K places, and one that has a place keeps it until K better ones come;
            the tree ends when all K are finished (search-and-learn's DVTS, compute-optimal-tts).
        distinct: Whether candidates with the same text count once when the K are chosen.
        lookahead: k, greedy steps that a candidate is looked ahead by when it is judged.
    """

    keep: int
    completed: Completed
    distinct: bool
    lookahead: int = 0

    def __post_init__(self) -> None:
        if self.completed not in ("leave", "occupy"):
            raise SettingsError(f"completed: expected 'leave' or 'occupy', got {self.completed!r}.")
        if isinstance(self.lookahead, bool) or self.lookahead < 0:
            raise SettingsError(f"lookahead: expected 0 steps or more, got {self.lookahead!r}.")


@dataclass
class Tree:
    """A tree on its way.

    Attributes:
        rngs: One for each place; as many as the tree is wide.
        pool: The candidates of the last round.
        kept: Indices into the pool: what the next round starts from.
        done: What was put aside, in the order in which it was finished.
        on: Whether there is something to extend.
    """

    rngs: Sequence[np.random.Generator]
    pool: list[Chain] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    done: list[Chain] = field(default_factory=list)
    on: bool = True

    def starts(self, growing: Growing) -> list[Chain]:
        """Return what the places of the next round start from."""
        width = len(self.rngs)
        if not self.pool:
            return [Chain()] * width
        kept = [self.pool[i] for i in self.kept]
        if growing.completed == "leave":  # the width stays, however few are left
            return [kept[i * len(kept) // width] for i in range(width)] if kept else []
        places = width // growing.keep
        return [c for chain in kept for c in [chain] * (places if chain.goes_on else 1)]


def widths(num_solutions: int, width: int) -> int:
    """Return N / M.

    Raises:
        SettingsError: M does not divide N, or one of them is not a whole number above 0.
    """
    at_least_one(num_solutions=num_solutions, width=width)
    if num_solutions % width:
        raise SettingsError(
            f"num_solutions: {num_solutions} is no multiple of width={width}; expected N = K·M, "
            "so that K candidates have M continuations each."
        )
    return num_solutions // width


def grow(search: Search, trees: Sequence[Tree], growing: Growing, max_steps: int) -> None:
    """Grow all trees to their ends, each round of all of them in one batch."""
    for step in range(max_steps):
        active = [t for t in trees if t.on]
        if not active:
            return
        starts = [t.starts(growing) for t in active]
        rngs = [r for t, own in zip(active, starts, strict=True) for r in t.rngs[: len(own)]]
        last = step == max_steps - 1
        extend = search.run if last else search.extend
        flat = extend([c for own in starts for c in own], rngs)
        scored = search.score(flat)
        looked = scored if last else look_ahead(search, scored, growing.lookahead)
        at = 0
        kept: list[int] = []
        for tree, own in zip(active, starts, strict=True):
            _choose(tree, looked[at : at + len(own)], growing)
            kept += [at + i for i in tree.kept]
            at += len(own)
        search.record(looked, kept)


def look_ahead(search: Search, chains: Sequence[Chain], steps: int) -> list[Chain]:
    """Return the chains with the values that they have a few greedy steps later.

    The rollouts are dropped, and counted. Source: Snell et al. (2024), section 5.2.
    """
    if steps == 0:
        return list(chains)
    rngs = [np.random.default_rng(0)] * len(chains)  # greedy steps draw nothing
    ahead = list(chains)
    candidates = [c.solution for c in chains if c.goes_on]
    for _ in range(steps):
        ahead = search.extend(ahead, rngs, temperature=0, keep=candidates)
    judged = search.score(ahead)
    return [
        dataclasses.replace(chain, value=aggregate(rollout.scores, search.how))
        for chain, rollout in zip(chains, judged, strict=True)
    ]


def _choose(tree: Tree, pool: list[Chain], growing: Growing) -> None:
    """Keep the K best of a round; ties go to the first."""
    tree.pool = pool
    if growing.completed == "leave":
        tree.done += [c for c in pool if not c.goes_on]
    eligible = [
        i for i, c in enumerate(pool) if c.goes_on or (growing.completed == "occupy" and c.finished)
    ]
    if growing.distinct:
        first = {pool[i].text: i for i in reversed(eligible)}
        eligible = [i for i in eligible if first[pool[i].text] == i]
    ranked = sorted(eligible, key=_by_value(pool))
    tree.kept = sorted(ranked[: growing.keep])
    tree.on = any(pool[i].goes_on for i in tree.kept)


def _by_value(pool: Sequence[Chain]) -> Callable[[int], float]:
    return lambda i: -pool[i].value
