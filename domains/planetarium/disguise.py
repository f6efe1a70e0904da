"""Disguised problems: of the same meaning, or with one atom that changes it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from domains.planetarium.equivalence import fully_specified, solvable
from domains.planetarium.worlds import WORLDS, world_of
from potentials.pddl import Atom, Problem

TRIES = 400


def disguised(rng: random.Random, problem: Problem, placeholder: bool = False) -> Problem:
    """Return an equivalent problem: renamed, reordered, implied atoms dropped and added.

    Args:
        rng: Of everything.
        problem: That can be solved.
        placeholder: Rename initial state and goal apart, where that leaves the goal its meaning.
    """
    weaker = thinned(rng, problem)
    more = sorted(fully_specified(weaker) - set(weaker.goal))
    goal = [*weaker.goal, *rng.sample(more, rng.randint(0, len(more)))]
    rng.shuffle(goal)
    changed = renamed(rng, replace(problem, goal=tuple(goal)))
    if placeholder and problem.domain == "blocksworld":
        # In gripper the initial state says which objects are rooms, so the two go together.
        changed = replace(changed, goal=renamed(rng, changed).goal)
    return changed


def thinned(rng: random.Random, problem: Problem) -> Problem:
    """Return the problem without some atoms of its goal that the others imply."""
    for atom in rng.sample(sorted(set(problem.goal)), rng.randint(0, len(set(problem.goal)))):
        rest = replace(problem, goal=tuple(a for a in problem.goal if a != atom))
        if atom in fully_specified(rest):
            problem = rest
    return problem


def renamed(rng: random.Random, problem: Problem) -> Problem:
    """Return the problem with its objects' names dealt out anew, in another order."""
    names = list(problem.objects)
    to = dict(zip(names, rng.sample(names, len(names)), strict=True))
    order = rng.sample(names, len(names))

    def moved(atom: Atom) -> Atom:
        return Atom(atom.predicate, tuple(to[arg] for arg in atom.args))

    return replace(
        problem,
        objects={to[name]: problem.objects[name] for name in order},
        init=frozenset(map(moved, problem.init)),
        goal=tuple(map(moved, problem.goal)),
    )


def altered(rng: random.Random, problem: Problem, placeholder: bool = False) -> Problem | None:
    """Return a problem with one atom of the goal replaced, dropped or added, and another meaning.

    It can be solved, and its objects keep their names. That the meaning is another one up to
    renaming is not left to the code under test: the two differ in a Weisfeiler-Leman hash, as
    networkx computes it, of which isomorphic graphs cannot have two.

    Args:
        rng: Of the atom.
        problem: That can be solved.
        placeholder: Compare initial state and goal apart.

    Returns:
        The problem; None if none was found in some hundred tries.
    """
    hashes = wl_hashes(problem, placeholder)
    for candidate in _changed(rng, problem):
        if solvable(candidate) and wl_hashes(candidate, placeholder) != hashes:
            return candidate
    return None


def wl_hashes(problem: Problem, placeholder: bool) -> list[str]:
    """Return networkx's hash of the graph of objects and atoms, of each scene if `placeholder`."""
    import networkx

    scenes = {"init": problem.init, "goal": fully_specified(problem)}
    graphs = []
    for name, atoms in scenes.items():
        if placeholder or not graphs:
            graph = networkx.DiGraph()
            graph.add_nodes_from(problem.objects, kind="object")
            graphs.append(graph)
        for atom in atoms:
            node = (name, atom)
            graphs[-1].add_node(node, kind=f"{name} {atom.predicate}")
            for place, arg in enumerate(atom.args):
                graphs[-1].add_node((node, place), kind=f"argument {place}")
                graphs[-1].add_edges_from([(node, (node, place)), ((node, place), arg)])
    return [
        networkx.weisfeiler_lehman_graph_hash(graph.to_undirected(), node_attr="kind", iterations=8)
        for graph in graphs
    ]


def _changed(rng: random.Random, problem: Problem) -> Iterator[Problem]:
    """Yield problems with one atom of a thinned goal replaced, dropped or added."""
    arities = world_of(problem).domain.predicates
    assert problem.domain in WORLDS
    names = list(problem.objects)
    for _ in range(TRIES):
        goal = list(thinned(rng, problem).goal)
        predicate = rng.choice(list(arities))
        count = len(arities[predicate])
        if count > len(names):
            continue
        atom = Atom(predicate, tuple(rng.sample(names, count)))
        match rng.choice(("replaced", "replaced", "dropped", "added")):
            case "replaced" if goal:
                goal[rng.randrange(len(goal))] = atom
            case "dropped" if goal:
                goal.pop(rng.randrange(len(goal)))
            case "added":
                goal.append(atom)
        yield replace(problem, goal=tuple(goal))
