"""Tree search over steps: select by UCT, expand by the step model, evaluate, back up.

    repeat N times
        n = the leaf that the upper confidence bounds lead to
        expand n by M steps; evaluate them; n = the best of them
        rollout   none:    the return is V(n)
                  sample:  n is drawn to its end, and the return is the value of that
                  greedy:  n is expanded, and the best child taken, until it has an end
        back the return up to the root

MCTS, RAP and CoAT are this with other policies (`smc.strategies.mcts`, `rap`, `coat`).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from smc.errors import SettingsError
from smc.model import Prompt
from smc.steps import StepModel, StepScorer
from smc.strategies.arguments import at_least_one
from smc.strategies.options import Options
from smc.strategies.results import StrategyResult
from smc.strategies.search import Search
from smc.strategies.search_tree import (
    Node,
    back_up,
    back_up_rewards,
    best_of,
    close,
    leaves,
    select_leaf,
)
from smc.strategies.seeds import fixed, generator, generators
from smc.strategies.trajectories import Trajectory

Rollout = Literal["none", "sample", "greedy"]
Returns = Literal["value", "rewards"]
Estimate = Literal["mean", "max"]

_MOST_KEPT = 16
"""Leaves whose rows the model is asked to hold."""


@dataclass(frozen=True)
class TreePolicy:
    """How a tree is searched.

    Attributes:
        width: M, steps drawn from a node when it is expanded; equal ones count once.
        exploration: w of the upper confidence bound.
        rollout: How a new node is evaluated beyond its own value; see the module.
        returns: What is backed up: `value`, the same for all nodes of the line; or `rewards`, for
            each the mean score of the steps from its own on.
        estimate: Q of a node: the `mean` of its returns, or the `max`.
        accept: A finished solution of this value or more ends the search; None: none does.

    Raises:
        SettingsError: A value outside its range.
    """

    width: int = 4
    exploration: float = 1.0
    rollout: Rollout = "none"
    returns: Returns = "value"
    estimate: Estimate = "mean"
    accept: float | None = None

    def __post_init__(self) -> None:
        at_least_one(width=self.width)
        for name, known in (
            ("rollout", ("none", "sample", "greedy")),
            ("returns", ("value", "rewards")),
            ("estimate", ("mean", "max")),
        ):
            if getattr(self, name) not in known:
                raise SettingsError(
                    f"{name}: expected one of {', '.join(known)}; got {getattr(self, name)!r}."
                )
        if not (math.isfinite(self.exploration) and self.exploration >= 0):
            raise SettingsError(
                f"exploration: expected a number from 0 on, got {self.exploration!r}."
            )


class Associations(Protocol):
    """What is associated with the nodes of a tree, and what that changes."""

    def prompt(self, node: Node) -> Prompt:
        """Return the prompt under which a node is gone on from."""
        ...

    def associate(self, nodes: Sequence[Node]) -> None:
        """Give new nodes their memory, and add to their values what it is worth."""
        ...


def tree_search(
    model: StepModel,
    prompt: Prompt,
    scorer: StepScorer,
    *,
    num_solutions: int = 16,
    policy: TreePolicy | None = None,
    options: Options | None = None,
    associations: Associations | None = None,
) -> StrategyResult:
    """Search one tree by N rollouts.

    A tree in which everything has come to its end is done with before that. At the depth of
    `options.max_steps` solutions are drawn to their ends; where the search has found no end at
    all, its best leaf is.

    Args:
        model: Extends texts by steps.
        prompt: The problem.
        scorer: Judges every new node.
        num_solutions: N, the rollouts.
        policy: How.
        options: See `Options`; the answer is that of the solution of largest value.
        associations: Of CoAT.

    Returns:
        The answer, the finished solutions in the order in which they were found, and the cost.
    """
    at_least_one(num_solutions=num_solutions)
    chosen = options or Options()
    chosen = dataclasses.replace(chosen, seed=fixed(chosen.seed))
    run = _TreeRun(
        chosen.search(model, prompt, scorer), policy or TreePolicy(), chosen, associations
    )
    for _ in range(num_solutions):
        if run.root.closed or run.accepted:
            break
        run.rollout()
    return run.search.result(run.solutions(), chosen.answer, chosen.select_by("best"))


class _TreeRun:
    """One search on its way."""

    def __init__(
        self,
        search: Search,
        policy: TreePolicy,
        options: Options,
        associations: Associations | None,
    ) -> None:
        self.search = search
        self.root = Node(Trajectory())
        self.accepted = False
        self._policy = policy
        self._max_steps = options.max_steps
        self._associations = associations
        self._rngs = generators(options.seed, policy.width)
        self._rng = generator(options.seed)
        self._finished: list[Trajectory] = []

    def rollout(self) -> None:
        """Select, expand, evaluate, back up."""
        policy = self._policy
        node = select_leaf(self.root, policy.exploration, estimate_max=policy.estimate == "max")
        node = self._expanded(node)
        while policy.rollout == "greedy" and node.trajectory.goes_on:
            node = self._expanded(node)
        value = node.value
        if policy.rollout == "sample" and node.trajectory.goes_on:
            value = self._simulated(node)
        if policy.returns == "rewards":
            back_up_rewards(node)
        else:
            back_up(node, value)

    def solutions(self) -> list[Trajectory]:
        """Return the finished solutions; without any, the best leaf drawn to its end."""
        if self._finished:
            return self._finished
        unexpanded = leaves(self.root)
        best = best_of([n for n in unexpanded if n.trajectory.goes_on] or unexpanded)
        ended = self._run(best, self._rng)
        self.search.record([ended], (0,))
        return [ended]

    def _expanded(self, node: Node) -> Node:
        """Draw M steps from a node, evaluate them, and return the best of them."""
        last = node.depth + 1 >= self._max_steps
        starts = [node.trajectory] * self._policy.width
        prompt = None if self._associations is None else self._associations.prompt(node)
        if last:
            drawn = self.search.run(starts, self._rngs, prompt=prompt)
        else:
            held = [n.trajectory.solution for n in leaves(self.root) if n.trajectory.goes_on]
            drawn = self.search.extend(starts, self._rngs, keep=held[-_MOST_KEPT:], prompt=prompt)
        distinct = {(t.text, t.finished, str(t.error)): t for t in reversed(drawn)}
        scored = self.search.score(list(reversed(distinct.values())))
        node.children = [Node(t, node, _value(t)) for t in scored]
        if self._associations is not None:
            self._associations.associate([n for n in node.children if n.trajectory.goes_on])
        for child in node.children:
            if not child.trajectory.goes_on:
                close(child)
            if child.trajectory.finished:
                self._found(child.trajectory)
        best = best_of(node.children)
        self.search.record(scored, (node.children.index(best),))
        return best

    def _simulated(self, node: Node) -> float:
        """Draw a node to its end; return the value of that."""
        ended = self._run(node, self._rng)
        self.search.record([ended], (0,))
        if ended.finished:
            self._found(ended)
        return _value(ended)

    def _run(self, node: Node, rng: np.random.Generator) -> Trajectory:
        prompt = None if self._associations is None else self._associations.prompt(node)
        (ended,) = self.search.score(self.search.run([node.trajectory], [rng], prompt=prompt))
        return ended

    def _found(self, trajectory: Trajectory) -> None:
        self._finished.append(trajectory)
        accept = self._policy.accept
        self.accepted = self.accepted or (accept is not None and trajectory.value >= accept)


def _value(trajectory: Trajectory) -> float:
    """V of a new node: its value under the judge; 0 where it has come to nothing."""
    return trajectory.value if trajectory.finished or trajectory.goes_on else 0.0
