"""Type hierarchy of a domain: a tree, whose types may be listed in several places."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from potentials.pddl.errors import PDDLError
from potentials.pddl.expressions import Group, Word
from potentials.pddl.model import OBJECT
from potentials.pddl.sections import typed


def hierarchy(items: Sequence[Word | Group]) -> dict[str, str]:
    """Return type -> the type above it, of a typed list of types.

    A type may be listed more than once. Of the types that are then above it the lowest is taken,
    which has all others above itself.

    Raises:
        PDDLError: There is no such one, or a type is above itself.
    """
    parents: dict[str, dict[str, int]] = {}
    for each, kind, line in typed(items, "a type"):
        if each != OBJECT:
            parents.setdefault(each, {})[kind] = line
    # A type that is only named as one above others is a type too.
    named = [k for kinds in parents.values() for k in kinds if k != OBJECT]
    lowest = {each: _lowest(each, kinds, parents) for each, kinds in parents.items()}
    return dict.fromkeys(named, OBJECT) | lowest


def _lowest(each: str, kinds: Mapping[str, int], parents: Mapping[str, Collection[str]]) -> str:
    """Return which of the types above one has all others above itself."""
    above = {kind: _above(kind, parents) for kind in kinds}
    if any(each == kind or each in above[kind] for kind in kinds):
        raise PDDLError(
            f"the type {each} is above itself",
            line=min(kinds.values()),
            expected="a tree of types",
        )
    for kind in kinds:
        if above[kind] | {kind, OBJECT} >= set(kinds):
            return kind
    raise PDDLError(
        f"the type {each} is of the types {' and '.join(kinds)}",
        line=max(kinds.values()),
        expected="one type above it, or types that are one above the other",
        remedy="Declare a type above both, or one below the other.",
    )


def _above(kind: str, parents: Mapping[str, Collection[str]]) -> set[str]:
    """Return all types above one."""
    above: set[str] = set()
    waiting = [*parents.get(kind, ())]
    while waiting:
        each = waiting.pop()
        if each not in above:
            above.add(each)
            waiting += parents.get(each, ())
    return above
