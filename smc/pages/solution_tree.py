"""Tree of the steps of a run: solutions that begin alike share their beginning."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from smc.pages.markup import escape, number, visible

if TYPE_CHECKING:
    from smc.strategies.results import StrategyResult
    from smc.strategies.trajectories import Trajectory

_MOST_NODES = 300
_SHOWN = 100
"""Characters of a step in its line."""
_OPEN_DEPTH = 2
"""Steps that are shown at once; deeper ones where the answer stands, else when they are opened."""


@dataclass
class StepNode:
    """A step, and what went on from it.

    Attributes:
        text: Of the step.
        score: Its judge's; None: it was not judged.
        ends: What became of the solutions that end here: `finished`, `cut`, `failed`, `dropped`.
        answer: Whether the solution that stands for the answer goes through it.
        count: Final solutions that go through it.
        children: By the text of the next step.
    """

    text: str
    score: float | None = None
    ends: set[str] = field(default_factory=set)
    answer: bool = False
    count: int = 0
    children: dict[str, StepNode] = field(default_factory=dict)


def step_tree(result: StrategyResult) -> StepNode:
    """Return the tree of everything that the rounds of a run had, its solutions last."""
    root = StepNode("")
    for round_ in result.history:
        for trajectory in round_.trajectories:
            _path(root, trajectory)
    for place, trajectory in enumerate(result.trajectories):
        path = _path(root, trajectory)
        for node in path:
            node.count += 1
            node.answer = node.answer or place == result.chosen
        path[-1].ends.add(state_of(trajectory))
    return root


def state_of(trajectory: Trajectory) -> str:
    """Return in a word what became of a solution."""
    if trajectory.error is not None:
        return "failed"
    return "finished" if trajectory.finished else "cut" if trajectory.truncated else "dropped"


def tree_section(result: StrategyResult) -> str:
    """Return the tree as HTML; empty where no solution has more than a step, and none is shared."""
    root = step_tree(result)
    nodes = list(_all(root))
    if not any(node.children for node in root.children.values()):
        return ""
    left = [_MOST_NODES]
    drawn = _list(root.children.values(), 1, left)
    more = len(nodes) - 1 - _MOST_NODES
    return f'<div class="smc-steps">{drawn}</div>' + (
        f"<p>… and {more} more steps.</p>" if more > 0 else ""
    )


def _path(root: StepNode, trajectory: Trajectory) -> list[StepNode]:
    """The nodes of a solution, made where they are not there yet, from the root on."""
    node, path = root, [root]
    scored = len(trajectory.scores) == len(trajectory.solution)
    for place, step in enumerate(trajectory.solution):
        node = node.children.setdefault(str(step), StepNode(str(step)))
        if scored:
            node.score = trajectory.scores[place]
        path.append(node)
    return path


def _all(node: StepNode) -> Iterable[StepNode]:
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(node.children.values())


def _list(nodes: Iterable[StepNode], depth: int, left: list[int]) -> str:
    """Nodes as a list, those of the answer first, as long as there is room for more."""
    items = []
    for node in sorted(nodes, key=lambda n: (not n.answer, -n.count)):
        if left[0] <= 0:
            break
        left[0] -= 1
        items.append(f"<li>{_item(node, depth, left)}</li>")
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _item(node: StepNode, depth: int, left: list[int]) -> str:
    head = _head(node)
    text = f"<code>{escape(node.text.strip(chr(10)))}</code>"
    if not node.children:
        return f'<div class="smc-step">{head}{text}</div>'
    opened = " open" if node.answer or depth < _OPEN_DEPTH else ""
    inner = _list(node.children.values(), depth + 1, left)
    shown = node.text.strip()
    whole = text if len(shown) > _SHOWN or "\n" in shown else ""
    line = f"<summary>{head}{visible(shown, _SHOWN)}</summary>"
    return f"<details{opened}>{line}{whole}{inner}</details>"


def _head(node: StepNode) -> str:
    mark = "➤ " if node.answer else ""
    score = ""
    if node.score is not None:
        score = (
            f'<span class="smc-bar" style="width:{max(1, round(60 * node.score))}px"></span>'
            f"<b>{number(node.score)}</b> "
        )
    ends = "".join(f"<i>{escape(end)}</i> " for end in sorted(node.ends))
    return f"{mark}{score}{ends}"
