"""STRIPS semantics: actions, and plans, on states that are sets of atoms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from potentials.pddl.errors import PDDLError
from potentials.pddl.model import Action, Atom, Domain, Problem, objects_of

State = frozenset[Atom]


class Step(NamedTuple):
    """An action of a plan.

    Attributes:
        action: Its name.
        args: The objects that stand for its parameters, in order.
    """

    action: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"({' '.join((self.action, *self.args))})"


Plan = tuple[Step, ...]


def after(domain: Domain, problem: Problem, plan: Sequence[Step]) -> State:
    """Return the state that a plan leads to from a problem's initial state.

    Raises:
        PDDLError: There is no such action, its arguments are wrong, or it cannot be taken there.

    Example:
        >>> from potentials.pddl import parse_domain, parse_problem
        >>> domain = parse_domain('''(define (domain lamp) (:predicates (lit ?l))
        ...     (:action light :parameters (?l) :effect (lit ?l)))''')
        >>> problem = parse_problem(
        ...     "(define (problem p) (:domain lamp) (:objects a) (:init) (:goal (lit a)))"
        ... )
        >>> set(after(domain, problem, (Step("light", ("a",)),)))
        {Atom(predicate='lit', args=('a',))}
    """
    actions = {action.name: action for action in domain.actions}
    objects = objects_of(domain, problem)
    state = set(problem.init)
    for number, step in enumerate(plan, 1):
        where = f"step {number} of the plan, {step},"
        action = actions.get(step.action)
        if action is None:
            raise PDDLError(
                f"{where} is no action of {domain.name}", expected=f"one of {', '.join(actions)}"
            )
        _check_arguments(domain, action, step, objects, where)
        bound = dict(zip(action.parameters, step.args, strict=True))
        missing = [a for a in ground(action.needs, bound) if a not in state]
        hinders = [a for a in ground(action.forbids, bound) if a in state]
        unlike = [(a, b) for a, b in action.equal if bound.get(a, a) != bound.get(b, b)]
        alike = [(a, b) for a, b in action.unequal if bound.get(a, a) == bound.get(b, b)]
        if missing or hinders or unlike or alike:
            reason = (
                f"{missing[0]} does not hold"
                if missing
                else f"{hinders[0]} holds"
                if hinders
                else "its arguments are not as alike or different as they must be"
            )
            raise PDDLError(f"{where} cannot be taken: {reason}", expected="a plan that can be run")
        state.difference_update(ground(action.deletes, bound))
        state.update(ground(action.adds, bound))
    return frozenset(state)


def ground(atoms: Iterable[Atom], bound: Mapping[str, str]) -> list[Atom]:
    """Return atoms with objects in place of the variables."""
    return [Atom(a.predicate, tuple([bound.get(t, t) for t in a.args])) for a in atoms]


def _check_arguments(
    domain: Domain, action: Action, step: Step, objects: Mapping[str, str], where: str
) -> None:
    if len(step.args) != len(action.parameters):
        raise PDDLError(
            f"{where} has {len(step.args)} arguments", expected=str(len(action.parameters))
        )
    for arg, kind in zip(step.args, action.parameters.values(), strict=True):
        if arg not in objects:
            raise PDDLError(f"{where} names {arg}", expected="an object of the problem")
        if not domain.is_a(objects[arg], kind):
            raise PDDLError(f"{where}: {arg} is of type {objects[arg]}", expected=kind)
