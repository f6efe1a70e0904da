"""Planning domains and problems, once read: plain values in lower case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

OBJECT = "object"
"""The type of everything."""


class Atom(NamedTuple):
    """A predicate and its arguments: objects, or in an action also parameters (`?x`).

    Attributes:
        predicate: Its name.
        args: As many as the predicate takes.
    """

    predicate: str
    args: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"({' '.join((self.predicate, *self.args))})"


@dataclass(frozen=True)
class Action:
    """A schema of actions.

    Attributes:
        name: Of the action.
        parameters: Variable (`?x`) -> type, in order.
        needs: Atoms that must hold before.
        forbids: Atoms that must not hold before.
        equal: Pairs of terms that must be the same object.
        unequal: Pairs of terms that must be different objects.
        adds: Atoms that hold afterwards.
        deletes: Atoms that do not hold afterwards, unless they are also added.
    """

    name: str
    parameters: Mapping[str, str]
    needs: tuple[Atom, ...] = ()
    forbids: tuple[Atom, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    unequal: tuple[tuple[str, str], ...] = ()
    adds: tuple[Atom, ...] = ()
    deletes: tuple[Atom, ...] = ()


@dataclass(frozen=True)
class Domain:
    """The rules of a planning domain.

    Attributes:
        name: As the problems call it.
        types: Type -> the type above it; without `object`, which is above all.
        predicates: Predicate -> the types that its arguments must have, in order.
        actions: In the order of the text.
        requirements: Such as `:strips`.
        constants: Object -> type, of the objects that every problem has.
    """

    name: str
    types: Mapping[str, str]
    predicates: Mapping[str, tuple[str, ...]]
    actions: tuple[Action, ...]
    requirements: frozenset[str] = frozenset()
    constants: Mapping[str, str] = field(default_factory=dict)

    def is_a(self, kind: str, wanted: str) -> bool:
        """Return whether a type is another one, or below it."""
        while kind != wanted and kind != OBJECT:
            kind = self.types.get(kind, OBJECT)
        return wanted in (kind, OBJECT)


@dataclass(frozen=True)
class Problem:
    """Where to start from and where to go.

    Attributes:
        name: Of the problem.
        domain: Name of its domain.
        objects: Object -> type, in order; without the domain's constants.
        init: The atoms that hold at first; all others do not.
        goal: The atoms that must hold in the end, in the order of the text, duplicates kept.
        requirements: Such as `:strips`.
    """

    name: str
    domain: str
    objects: Mapping[str, str]
    init: frozenset[Atom]
    goal: tuple[Atom, ...]
    requirements: frozenset[str] = frozenset()


def objects_of(domain: Domain, problem: Problem) -> dict[str, str]:
    """Return object -> type: the domain's constants, then the problem's objects."""
    return {**domain.constants, **problem.objects}


def is_atom(domain: Domain, objects: Mapping[str, str], atom: Atom) -> bool:
    """Return whether an atom is of the domain's predicates, with fitting objects.

    Args:
        domain: Whose predicates and types count.
        objects: Object -> type.
        atom: Without variables.
    """
    types = domain.predicates.get(atom.predicate)
    if types is None or len(types) != len(atom.args):
        return False
    return all(
        arg in objects and domain.is_a(objects[arg], wanted)
        for arg, wanted in zip(atom.args, types, strict=True)
    )
