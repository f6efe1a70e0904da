"""A search tree with visit counts: selection by upper confidence bounds (UCT), and backing up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from smc.strategies.trajectories import Trajectory


@dataclass(eq=False)
class Node:
    """A partial solution in the tree.

    Attributes:
        trajectory: Its steps and scores.
        parent: None at the root.
        value: V, what its own evaluation gave; 0 of a dead end.
        children: In the order in which they were drawn; [] before it is expanded.
        returns: What the visits through it were worth.
        memory: What was associated with it; "": nothing.
        closed: Nothing below it is left to be tried.
    """

    trajectory: Trajectory
    parent: Node | None = None
    value: float = 0.0
    children: list[Node] = field(default_factory=list)
    returns: list[float] = field(default_factory=list)
    memory: str = ""
    closed: bool = False

    @property
    def visits(self) -> int:
        """How many times it was passed through, or evaluated."""
        return len(self.returns)

    @property
    def depth(self) -> int:
        """How many expansions lie before it; 0 at the root."""
        return sum(1 for _ in self.line()) - 1

    @property
    def reward(self) -> float:
        """The score of its last step; 0 where it has none."""
        return self.trajectory.scores[-1] if self.trajectory.scores else 0.0

    def line(self) -> Iterator[Node]:
        """Yield the node, its parent, and so on up to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


def uct(node: Node, exploration: float, *, estimate_max: bool = False) -> float:
    """Return Q + w · √(ln N_parent / N), with w the exploration; ∞ of a node never visited.

    Args:
        node: Not the root.
        exploration: w.
        estimate_max: Whether Q is the largest return, in place of the mean one.

    Source: Kocsis & Szepesvári (2006), "Bandit based Monte-Carlo planning".
    """
    if not node.visits:
        return math.inf
    assert node.parent is not None
    q = max(node.returns) if estimate_max else sum(node.returns) / node.visits
    return q + exploration * math.sqrt(math.log(node.parent.visits) / node.visits)


def select_leaf(root: Node, exploration: float, *, estimate_max: bool = False) -> Node:
    """Follow the largest bound down to a node without children; ties go to the first.

    What is closed is left out.
    """
    node = root
    while node.children:
        still_open = [child for child in node.children if not child.closed]
        node = max(still_open, key=lambda n: uct(n, exploration, estimate_max=estimate_max))
    return node


def back_up(leaf: Node, value: float) -> None:
    """Add a visit of this worth to a node and all above it."""
    for node in leaf.line():
        node.returns.append(value)


def back_up_rewards(leaf: Node) -> None:
    """Add a visit to a node and all above it, each worth the mean reward from its step on."""
    rewards: list[float] = []
    for node in leaf.line():
        if node.parent is not None:
            rewards.append(node.reward)
        node.returns.append(sum(rewards) / len(rewards) if rewards else 0.0)


def close(node: Node) -> None:
    """Mark a node as done with, and those above it that have nothing else left."""
    for above in node.line():
        if any(not child.closed for child in above.children):
            return
        above.closed = True


def leaves(root: Node) -> list[Node]:
    """Return the nodes that were not expanded, in the order of the tree."""
    unexpanded: list[Node] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if not node.children:
            unexpanded.append(node)
        waiting += reversed(node.children)
    return unexpanded


def best_of(nodes: Sequence[Node]) -> Node:
    """Return the node of largest value; ties go to the first."""
    return max(nodes, key=lambda n: n.value)
