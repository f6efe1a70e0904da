"""Reader of problems and goals, which are held against a domain."""

from __future__ import annotations

from collections.abc import Iterable

from potentials.pddl.domains import SUPPORTED
from potentials.pddl.errors import PDDLError
from potentials.pddl.expressions import Group, read
from potentials.pddl.model import Atom, Domain, Problem, objects_of
from potentials.pddl.sections import (
    atom,
    conjuncts,
    definition,
    name,
    requirements,
    unique,
)

_SECTIONS = frozenset({":domain", ":requirements", ":objects", ":init", ":goal"})


def parse_problem(text: str, domain: Domain | None = None) -> Problem:
    """Read a problem.

    Names are in any case, and come back in lower case. The goal is a conjunction of atoms:
    `(and …)`, nested or empty, or one atom.

    Args:
        text: The problem.
        domain: If given, the problem is held against it (`check_problem`).

    Raises:
        PDDLError: It is malformed, or uses what is not supported; the message has the line.

    Example:
        >>> text = '''(define (problem two) (:domain blocks) (:objects a b)
        ...     (:init (on a b) (clear a)) (:goal (and (on b a))))'''
        >>> parse_problem(text).goal
        (Atom(predicate='on', args=('b', 'a')),)
    """
    title, sections, _ = definition(text, "problem", _SECTIONS)
    for needed in (":domain", ":init", ":goal"):
        if needed not in sections:
            raise PDDLError(f"the problem has no {needed}", expected=f"a list ({needed} …)")
    named = sections[":domain"]
    if len(named.items) != 2:
        raise PDDLError(":domain names no domain", line=named.line, expected="(:domain NAME)")
    listed = sections.get(":objects")
    problem = Problem(
        name=title,
        domain=name(named.items[1], "the domain"),
        objects=unique(listed.items[1:], "an object") if listed else {},
        init=frozenset(_facts(sections[":init"])),
        goal=_goal(sections[":goal"]),
        requirements=requirements(sections.get(":requirements"), SUPPORTED),
    )
    if domain is not None:
        check_problem(domain, problem)
    return problem


def parse_goal(text: str) -> tuple[Atom, ...]:
    """Read a goal: `(and …)`, one atom, or either of them in `(:goal …)`.

    Raises:
        PDDLError: It is something else; the message has the line.

    Example:
        >>> parse_goal("(and (Clear a) (and))")
        (Atom(predicate='clear', args=('a',)),)
    """
    group = read(text, "the goal")
    return _goal(group) if group.head == ":goal" else _atoms(group)


def check_problem(domain: Domain, problem: Problem) -> None:
    """Hold a problem against its domain.

    Raises:
        PDDLError: The domain is another one; an object has a type that is not there or the name of
            a constant; or an atom has an unknown predicate or object, too few or too many
            arguments, or one of the wrong type.
    """
    if problem.domain != domain.name:
        raise PDDLError(
            f"the problem {problem.name} is of the domain {problem.domain}", expected=domain.name
        )
    for each, kind in problem.objects.items():
        if kind not in {"object", *domain.types}:
            raise PDDLError(
                f"the object {each} has the type {kind}",
                expected=f"one of {', '.join(sorted({'object', *domain.types}))}",
            )
        if each in domain.constants:
            raise PDDLError(f"the object {each} is a constant of the domain", expected="a new name")
    check_atoms(domain, problem, problem.init, "initial state")
    check_atoms(domain, problem, problem.goal, "goal")


def check_atoms(domain: Domain, problem: Problem, atoms: Iterable[Atom], where: str) -> None:
    """Raise a `PDDLError` unless all atoms are of the domain's predicates and known objects."""
    objects = objects_of(domain, problem)
    for each in atoms:
        types = domain.predicates.get(each.predicate)
        if types is None:
            raise PDDLError(
                f"{each} in the {where}",
                expected=f"one of the predicates {', '.join(domain.predicates)}",
            )
        if len(each.args) != len(types):
            raise PDDLError(f"{each} in the {where}", expected=f"{len(types)} arguments")
        for arg, wanted in zip(each.args, types, strict=True):
            if arg not in objects:
                raise PDDLError(
                    f"{each} in the {where}",
                    expected="objects of the problem",
                    remedy=f"Declare {arg} under :objects.",
                )
            if not domain.is_a(objects[arg], wanted):
                raise PDDLError(
                    f"{each} in the {where}: {arg} is of type {objects[arg]}", expected=wanted
                )


def _facts(section: Group) -> Iterable[Atom]:
    for item in section.items[1:]:
        for part in conjuncts(item, "initial state"):
            yield atom(part, "initial state")


def _goal(section: Group) -> tuple[Atom, ...]:
    if len(section.items) != 2:
        raise PDDLError(
            f":goal has {len(section.items) - 1} formulas", line=section.line, expected="one"
        )
    return _atoms(section.items[1])


def _atoms(item: object) -> tuple[Atom, ...]:
    assert not isinstance(item, str)
    return tuple(atom(part, "goal") for part in conjuncts(item, "goal"))  # type: ignore[arg-type]
