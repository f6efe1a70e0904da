"""The rounds of beam search: extend, score, prune, for one beam or many side by side."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from smc.errors import SettingsError
from smc.strategies.aggregate import aggregate
from smc.strategies.arguments import at_least_one
from smc.strategies.search import Search
from smc.strategies.trajectories import Trajectory

Completed = Literal["leave", "occupy"]


@dataclass(frozen=True)
class Pruning:
    """Which candidates of a round go on.

    Attributes:
        keep: K, how many candidates of a round go on.
        completed: What becomes of finished candidates. `leave`: they are put aside, and the beam
            goes on at its full width with the others (search-and-learn's beam). `occupy`: they
            compete for the K places, and one that has a place keeps it until K better ones come;
            the beam ends when all K are finished (search-and-learn's DVTS, compute-optimal-tts).
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
class BeamState:
    """A beam between two rounds.

    Attributes:
        rngs: One for each place; as many as the beam is wide.
        pool: The candidates of the last round.
        kept: Indices into the pool: what the next round starts from.
        done: What was put aside, in the order in which it was finished.
        on: Whether there is something to extend.
    """

    rngs: Sequence[np.random.Generator]
    pool: list[Trajectory] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    done: list[Trajectory] = field(default_factory=list)
    on: bool = True

    def starts(self, pruning: Pruning) -> list[Trajectory]:
        """Return what the places of the next round start from."""
        width = len(self.rngs)
        if not self.pool:
            return [Trajectory()] * width
        kept = [self.pool[i] for i in self.kept]
        if pruning.completed == "leave":  # the width stays, however few are left
            return [kept[i * len(kept) // width] for i in range(width)] if kept else []
        places = width // pruning.keep
        return [
            t for trajectory in kept for t in [trajectory] * (places if trajectory.goes_on else 1)
        ]


def num_kept(num_solutions: int, width: int) -> int:
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


def run_rounds(
    search: Search, states: Sequence[BeamState], pruning: Pruning, max_steps: int
) -> None:
    """Run all beams to their ends, each round of all of them in one batch."""
    for step in range(max_steps):
        active = [s for s in states if s.on]
        if not active:
            return
        starts = [s.starts(pruning) for s in active]
        rngs = [r for s, own in zip(active, starts, strict=True) for r in s.rngs[: len(own)]]
        last = step == max_steps - 1
        extend = search.run if last else search.extend
        flat = extend([t for own in starts for t in own], rngs)
        scored = search.score(flat)
        looked = scored if last else look_ahead(search, scored, pruning.lookahead)
        at = 0
        kept: list[int] = []
        for state, own in zip(active, starts, strict=True):
            _prune(state, looked[at : at + len(own)], pruning)
            kept += [at + i for i in state.kept]
            at += len(own)
        search.record(looked, kept)


def look_ahead(search: Search, trajectories: Sequence[Trajectory], steps: int) -> list[Trajectory]:
    """Return the trajectories with the values that they have a few greedy steps later.

    The rollouts are dropped, and counted. Source: Snell et al. (2024), section 5.2.
    """
    if steps == 0:
        return list(trajectories)
    rngs = [np.random.default_rng(0)] * len(trajectories)  # greedy steps draw nothing
    ahead = list(trajectories)
    candidates = [t.solution for t in trajectories if t.goes_on]
    for _ in range(steps):
        ahead = search.extend(ahead, rngs, temperature=0, keep=candidates)
    judged = search.score(ahead)
    return [
        dataclasses.replace(trajectory, value=aggregate(rollout.scores, search.how))
        for trajectory, rollout in zip(trajectories, judged, strict=True)
    ]


def _prune(state: BeamState, pool: list[Trajectory], pruning: Pruning) -> None:
    """Keep the K best of a round; ties go to the first."""
    state.pool = pool
    if pruning.completed == "leave":
        state.done += [t for t in pool if not t.goes_on]
    eligible = [
        i for i, t in enumerate(pool) if t.goes_on or (pruning.completed == "occupy" and t.finished)
    ]
    if pruning.distinct:
        first = {pool[i].text: i for i in reversed(eligible)}
        eligible = [i for i in eligible if first[pool[i].text] == i]
    ranked = sorted(eligible, key=_by_value(pool))
    state.kept = sorted(ranked[: pruning.keep])
    state.on = any(pool[i].goes_on for i in state.kept)


def _by_value(pool: Sequence[Trajectory]) -> Callable[[int], float]:
    return lambda i: -pool[i].value
