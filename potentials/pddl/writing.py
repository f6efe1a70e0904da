"""PDDL writer: what a planner reads, and what a cache goes by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from potentials.pddl.model import OBJECT, Action, Atom, Domain, Problem


def domain_text(domain: Domain) -> str:
    """Return a domain as PDDL, the same text for equal domains."""
    parts = [f"(define (domain {domain.name})", _requirements(domain.requirements)]
    if domain.types:
        parts.append(f"(:types {_typed(domain.types)})")
    if domain.constants:
        parts.append(f"(:constants {_typed(domain.constants)})")
    parts.append(
        "(:predicates "
        + " ".join(f"({p}{_parameters(types)})" for p, types in domain.predicates.items())
        + ")"
    )
    return "\n".join([p for p in parts if p] + [_action(a) for a in domain.actions]) + ")\n"


def problem_text(problem: Problem) -> str:
    """Return a problem as PDDL; its initial state is sorted, the rest in its own order.

    Example:
        >>> from potentials.pddl import parse_problem
        >>> print(problem_text(parse_problem(
        ...     "(define (problem P) (:domain d) (:objects a b) (:init (q b) (q a)) (:goal (q b)))"
        ... )))
        (define (problem p)
        (:domain d)
        (:objects a b)
        (:init (q a) (q b))
        (:goal (and (q b))))
    """
    parts = [
        f"(define (problem {problem.name})",
        f"(:domain {problem.domain})",
        _requirements(problem.requirements),
        f"(:objects {_typed(problem.objects)})",
        f"(:init {_joined(sorted(problem.init))})",
        f"(:goal (and {_joined(problem.goal)})))",
    ]
    return "\n".join(part for part in parts if part)


def _requirements(names: frozenset[str]) -> str:
    return f"(:requirements {' '.join(sorted(names))})" if names else ""


def _typed(names: Mapping[str, str]) -> str:
    """Write names with their types, unless all are of the type `object`."""
    plain = all(kind == OBJECT for kind in names.values())
    return " ".join(name if plain else f"{name} - {kind}" for name, kind in names.items())


def _parameters(types: tuple[str, ...]) -> str:
    return "".join(
        f" ?x{i}" if kind == OBJECT else f" ?x{i} - {kind}" for i, kind in enumerate(types)
    )


def _action(action: Action) -> str:
    condition = [
        *map(str, action.needs),
        *(f"(= {a} {b})" for a, b in action.equal),
        *(f"(not {atom})" for atom in action.forbids),
        *(f"(not (= {a} {b}))" for a, b in action.unequal),
    ]
    effect = [*map(str, action.adds), *(f"(not {atom})" for atom in action.deletes)]
    return (
        f"(:action {action.name} :parameters ({_typed(action.parameters)})\n"
        f"  :precondition (and {' '.join(condition)})\n  :effect (and {' '.join(effect)}))"
    )


def _joined(atoms: Iterable[Atom]) -> str:
    return " ".join(map(str, atoms))
