"""Equivalence of planning problems, after Zuo et al. 2024 (arXiv:2407.03321).

A goal is fully specified by adding every atom that holds in all reachable states where the goal
holds; two goals are then the same if they have the same atoms, and two problems are equivalent if
renaming the objects of one makes its initial state and its fully specified goal those of the other.
Where the description is a placeholder (a stack of blocks, in whatever order), initial state and
goal may be renamed apart. A problem that no plan solves is equivalent to none.

The reference implementation adds the atoms by rules of its own, which differ from this definition
in corners: a block of which nothing is said may also be held, and a single room holds the robot.
"""

from __future__ import annotations

from collections.abc import Iterable

from domains.planetarium.isomorphism import Structure, fingerprint, isomorphic
from domains.planetarium.worlds import world_of
from potentials.pddl import Atom, Problem


def solvable(problem: Problem) -> bool:
    """Return whether a plan exists; False also where the initial atoms are no state of the domain.

    Raises:
        ValueError: The domain is neither blocksworld nor gripper.
    """
    return world_of(problem).rules.is_met(problem.objects, problem.init, problem.goal)


def fully_specified(problem: Problem) -> frozenset[Atom]:
    """Return all atoms that hold in every reachable state where the goal holds.

    Raises:
        ValueError: No plan exists, or the domain is neither blocksworld nor gripper.
    """
    if not solvable(problem):
        raise ValueError(
            f"planetarium: no plan solves the problem {problem.name}; expected one that can be "
            "solved. Only its goal has a meaning."
        )
    return world_of(problem).rules.implied(problem.objects, problem.init, problem.goal)


def equivalent(one: Problem, other: Problem, placeholder: bool = False) -> bool:
    """Return whether two problems are the same but for the names of their objects.

    Args:
        one: A problem.
        other: Another.
        placeholder: Initial state and goal may be renamed apart.

    Raises:
        ValueError: The domain of one is neither blocksworld nor gripper.
    """
    if not (solvable(one) and solvable(other)) or one.domain != other.domain:
        return False
    ours, theirs = _structures(one, placeholder), _structures(other, placeholder)
    return all(isomorphic(a, b) for a, b in zip(ours, theirs, strict=True))


def problem_fingerprint(problem: Problem) -> bytes:
    """Return a digest that equivalent problems share; others may share it too, but rarely do.

    Raises:
        ValueError: No plan solves it, or the domain is neither blocksworld nor gripper.
    """
    return fingerprint(_structures(problem, placeholder=False)[0])


def _structures(problem: Problem, placeholder: bool) -> list[Structure]:
    init = _labelled("init", problem.init)
    goal = _labelled("goal", fully_specified(problem))
    scenes = [init, goal] if placeholder else [init + goal]
    return [Structure.of(problem.objects, scene) for scene in scenes]


def _labelled(scene: str, atoms: Iterable[Atom]) -> list[tuple[str, tuple[str, ...]]]:
    return [(f"{scene} {atom.predicate}", atom.args) for atom in atoms]
