"""Relaxed planning: what could be reached if nothing were ever deleted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from potentials.pddl.errors import PDDLError
from potentials.pddl.model import Action, Atom, Domain, Problem, objects_of
from potentials.pddl.strips import State, ground

MAX_BINDINGS = 2_000_000
"""Bindings of parameters to objects that are looked at, of whole actions and of parts of them."""


def relaxed_reachable(domain: Domain, problem: Problem) -> State:
    """Return the atoms that hold in a state of the delete relaxation, the initial ones included.

    Deletions and what actions forbid are left out, so an atom that is not among them holds in no
    state that can be reached; one that is among them may not either.

    Raises:
        PDDLError: More than two million bindings of parameters would have to be looked at.

    Reference:
        Hoffmann and Nebel (2001), The FF planning system, J. Artif. Intell. Res. 14, 253-302.

    Example:
        >>> from potentials.pddl import parse_domain, parse_problem
        >>> domain = parse_domain('''(define (domain road) (:predicates (at ?x) (way ?x ?y))
        ...     (:action go :parameters (?x ?y) :precondition (and (at ?x) (way ?x ?y))
        ...      :effect (and (at ?y) (not (at ?x)))))''')
        >>> problem = parse_problem('''(define (problem p) (:domain road) (:objects a b c)
        ...     (:init (at a) (way a b) (way c a)) (:goal (at b)))''')
        >>> sorted(a.args[0] for a in relaxed_reachable(domain, problem) if a.predicate == "at")
        ['a', 'b']
    """
    return frozenset(_Reaching(domain, problem).run())


class _Reaching:
    """Takes one atom after the other and joins it with those that were taken before."""

    def __init__(self, domain: Domain, problem: Problem) -> None:
        self._domain = domain
        self._objects = objects_of(domain, problem)
        self._waiting = sorted(problem.init)
        self._found = set(problem.init)
        self._taken: set[Atom] = set()
        self._by_argument: dict[tuple[str, int, str], list[Atom]] = defaultdict(list)
        self._by_predicate: dict[str, list[Atom]] = defaultdict(list)
        self._uses: dict[str, list[tuple[Action, int]]] = defaultdict(list)
        self._work = 0
        for action in domain.actions:
            for at, need in enumerate(action.needs):
                self._uses[need.predicate].append((action, at))

    def run(self) -> set[Atom]:
        for action in self._domain.actions:
            if not action.needs:
                for bound in self._all(action, {}):
                    self._take(action, bound)
        while self._waiting:
            atom = self._waiting.pop()
            self._taken.add(atom)
            self._by_predicate[atom.predicate].append(atom)
            for place, arg in enumerate(atom.args):
                self._by_argument[atom.predicate, place, arg].append(atom)
            for action, at in self._uses[atom.predicate]:
                bound = _unified(action.needs[at], atom, {})
                if bound is not None and self._fits(action, bound):
                    rest = list(action.needs[:at] + action.needs[at + 1 :])
                    for full in self._joined(action, rest, bound):
                        self._take(action, full)
        return self._found

    def _take(self, action: Action, bound: Mapping[str, str]) -> None:
        self._count()
        if any(bound.get(a, a) != bound.get(b, b) for a, b in action.equal):
            return
        if any(bound.get(a, a) == bound.get(b, b) for a, b in action.unequal):
            return
        for atom in ground(action.adds, bound):
            if atom not in self._found:
                self._found.add(atom)
                self._waiting.append(atom)

    def _count(self) -> None:
        self._work += 1
        if self._work > MAX_BINDINGS:
            raise PDDLError(
                f"relaxed planning looked at more than {MAX_BINDINGS} bindings of parameters",
                expected="a smaller problem",
                remedy="Leave GoalReachable out for this one.",
            )

    def _joined(
        self, action: Action, needs: list[Atom], bound: Mapping[str, str]
    ) -> Iterator[Mapping[str, str]]:
        """Yield the ways to bind the parameters such that the atoms have been taken."""
        if not needs:
            yield from self._all(action, bound)
            return
        chosen = max(needs, key=lambda n: sum(a[0] != "?" or a in bound for a in n.args))
        rest = [n for n in needs if n is not chosen]
        for atom in self._candidates(chosen, bound):
            self._count()
            further = _unified(chosen, atom, bound)
            if further is not None and self._fits(action, further):
                yield from self._joined(action, rest, further)

    def _candidates(self, need: Atom, bound: Mapping[str, str]) -> list[Atom]:
        args = tuple(bound.get(a, a) for a in need.args)
        if not any(a[0] == "?" for a in args):
            whole = Atom(need.predicate, args)
            return [whole] if whole in self._taken else []
        known = [(i, a) for i, a in enumerate(args) if a[0] != "?"]
        if not known:
            return self._by_predicate[need.predicate]
        lists = [self._by_argument.get((need.predicate, i, a), []) for i, a in known]
        return min(lists, key=len)

    def _all(self, action: Action, bound: Mapping[str, str]) -> Iterator[Mapping[str, str]]:
        """Yield the ways to bind the parameters that no condition binds."""
        free = [p for p in action.parameters if p not in bound]
        if not free:
            yield bound
            return
        kind = action.parameters[free[0]]
        for each, own in self._objects.items():
            if self._domain.is_a(own, kind):
                yield from self._all(action, {**bound, free[0]: each})

    def _fits(self, action: Action, bound: Mapping[str, str]) -> bool:
        return not self._domain.types or all(
            self._domain.is_a(self._objects.get(o, "object"), action.parameters[p])
            for p, o in bound.items()
        )


def _unified(need: Atom, atom: Atom, bound: Mapping[str, str]) -> dict[str, str] | None:
    """Return the bindings that make a condition an atom; None if there are none."""
    further = dict(bound)
    for term, arg in zip(need.args, atom.args, strict=True):
        if term[0] != "?":
            if term != arg:
                return None
        elif further.setdefault(term, arg) != arg:
            return None
    return further
