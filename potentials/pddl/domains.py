"""Reader of domains: STRIPS with types, constants, equality and negative preconditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

from potentials.pddl.errors import PDDLError
from potentials.pddl.expressions import Group, Word, name, shown
from potentials.pddl.hierarchy import hierarchy
from potentials.pddl.model import Action, Atom, Domain
from potentials.pddl.sections import (
    atom,
    conjuncts,
    declared,
    definition,
    requirements,
    unique,
)

SUPPORTED = frozenset({":strips", ":typing", ":equality", ":negative-preconditions"})
"""The requirements that are supported."""

_SECTIONS = frozenset({":requirements", ":types", ":constants", ":predicates", ":action"})
_PARTS = (":parameters", ":precondition", ":effect")


def parse_domain(text: str) -> Domain:
    """Read a domain.

    Supported: STRIPS, types, constants, `=`, negative preconditions. Names are in any case, and
    come back in lower case; comments are skipped.

    Raises:
        PDDLError: It is malformed, or uses what is not supported; the message has the line.

    Example:
        >>> domain = parse_domain('''(define (domain lamp) (:predicates (lit ?l))
        ...     (:action light :parameters (?l) :precondition () :effect (lit ?l)))''')
        >>> domain.predicates, domain.actions[0].adds
        ({'lit': ('object',)}, (Atom(predicate='lit', args=('?l',)),))
    """
    title, sections, groups = definition(text, "domain", _SECTIONS)
    types = hierarchy(_items(sections.get(":types")))
    listed = sections.get(":constants")
    constants = unique(listed.items[1:], "a constant", types) if listed else {}
    predicates: dict[str, tuple[str, ...]] = {}
    for item in _items(sections.get(":predicates")):
        if isinstance(item, Word) or not item.items:
            raise PDDLError("no predicate", line=item.line, expected="a list (NAME ?x …)")
        each = name(item.items[0], "a predicate")
        if each in predicates:
            raise PDDLError(
                f"the predicate {each} a second time", line=item.line, expected="each once"
            )
        # The names of its parameters mean nothing, so that one may stand there twice.
        kinds = declared(item.items[1:], "a parameter", types)
        predicates[each] = tuple(kind for _, kind, _ in kinds)
    domain = Domain(
        name=title,
        types=types,
        predicates=predicates,
        actions=(),
        requirements=requirements(sections.get(":requirements"), SUPPORTED),
        constants=constants,
    )
    actions = tuple(_action(group, domain) for group in groups)
    seen: set[str] = set()
    for group, action in zip(groups, actions, strict=True):
        if action.name in seen:
            raise PDDLError(f"more than one action {action.name}", line=group.line, expected="one")
        seen.add(action.name)
    return Domain(title, types, predicates, actions, domain.requirements, constants)


def _items(section: Group | None) -> tuple[Word | Group, ...]:
    return section.items[1:] if section else ()


def _action(group: Group, domain: Domain) -> Action:
    if len(group.items) < 2:
        raise PDDLError("an action without a name", line=group.line, expected="(:action NAME …)")
    title = name(group.items[1], "the name of an action")
    parts: dict[str, Word | Group] = {}
    rest = group.items[2:]
    for at in range(0, len(rest), 2):
        key = rest[at]
        if isinstance(key, Group) or key.text not in _PARTS or key.text in parts:
            what = "a list" if isinstance(key, Group) else shown(key.text)
            raise PDDLError(
                f"{what} in the action {title}",
                line=key.line,
                expected=f"each of {', '.join(_PARTS)} once",
            )
        if at + 1 == len(rest):
            raise PDDLError(f"{key.text} of {title} is empty", line=key.line, expected="a list")
        parts[key.text] = rest[at + 1]
    listed = parts.get(":parameters", Group((), group.line))
    if isinstance(listed, Word):
        raise PDDLError(f"the parameters of {title} are no list", line=listed.line)
    parameters, same = _parameters(listed.items, domain.types)
    if ":effect" not in parts:
        raise PDDLError(f"the action {title} has no :effect", line=group.line, expected="one")
    reading = _Formulas(title, parameters, domain)
    needs, forbids, equal, unequal = reading.condition(parts.get(":precondition"))
    adds, deletes = reading.effect(parts[":effect"])
    return Action(title, parameters, needs, forbids, (*same, *equal), unequal, adds, deletes)


def _parameters(
    items: Sequence[Word | Group], types: Mapping[str, str]
) -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Return variable -> type, and what must be equal: a variable that stands in several places.

    Its other places get names of their own, since a plan says an object for each place.
    """
    listed = list(declared(items, "a parameter", types))
    names = {each for each, _, _ in listed}
    parameters: dict[str, str] = {}
    same: list[tuple[str, str]] = []
    for each, kind, _ in listed:
        other = each
        if each in parameters:
            other = next(o for n in count(2) if (o := f"{each}-{n}") not in {*names, *parameters})
            same.append((each, other))
        parameters[other] = kind
    return parameters, tuple(same)


class _Formulas:
    """Reads the condition and the effect of one action."""

    def __init__(self, title: str, parameters: dict[str, str], domain: Domain) -> None:
        self._title, self._parameters, self._domain = title, parameters, domain

    def condition(
        self, item: Word | Group | None
    ) -> tuple[
        tuple[Atom, ...],
        tuple[Atom, ...],
        tuple[tuple[str, str], ...],
        tuple[tuple[str, str], ...],
    ]:
        """Return the atoms and the pairs of terms, those that must and those that must not be."""
        atoms: tuple[list[Atom], list[Atom]] = [], []
        pairs: tuple[list[tuple[str, str]], list[tuple[str, str]]] = [], []
        for group, negative in self._literals(item, f"condition of {self._title}"):
            if group.head == "=":
                terms = self._atom(Group((Word("equals", group.line), *group.items[1:]), 0)).args
                if len(terms) != 2:
                    raise PDDLError(
                        f"(= …) with {len(terms)} terms", line=group.line, expected="two"
                    )
                pairs[negative].append((terms[0], terms[1]))
            else:
                atoms[negative].append(self._checked(group))
        return tuple(atoms[0]), tuple(atoms[1]), tuple(pairs[0]), tuple(pairs[1])

    def effect(self, item: Word | Group) -> tuple[tuple[Atom, ...], tuple[Atom, ...]]:
        """Return the atoms that are added and deleted."""
        atoms: tuple[list[Atom], list[Atom]] = [], []
        for group, negative in self._literals(item, f"effect of {self._title}"):
            atoms[negative].append(self._checked(group))
        return tuple(atoms[0]), tuple(atoms[1])

    def _literals(self, item: Word | Group | None, where: str) -> list[tuple[Group, bool]]:
        """Return the parts of a conjunction without their `not`, and whether they had one."""
        if item is None or (isinstance(item, Group) and not item.items):
            return []
        literals: list[tuple[Group, bool]] = []
        for part in conjuncts(item, where):
            if part.head != "not":
                literals.append((part, False))
                continue
            inner = part.items[1] if len(part.items) == 2 else None
            if not isinstance(inner, Group):
                raise PDDLError(
                    f"(not …) in the {where}", line=part.line, expected="(not (PREDICATE …))"
                )
            literals.append((inner, True))
        return literals

    def _checked(self, group: Group) -> Atom:
        given = self._atom(group)
        types = self._domain.predicates.get(given.predicate)
        if types is None or len(types) != len(given.args):
            wanted = (
                f"one of {', '.join(self._domain.predicates)}"
                if types is None
                else f"{len(types)} arguments"
            )
            raise PDDLError(
                f"{given} in the action {self._title}", line=group.line, expected=wanted
            )
        return given

    def _atom(self, group: Group) -> Atom:
        given = atom(group, f"action {self._title}", variables=True)
        for term in given.args:
            if term not in self._parameters and term not in self._domain.constants:
                known = {*self._parameters, *self._domain.constants}
                raise PDDLError(
                    f"{term} in the action {self._title}",
                    line=group.line,
                    expected=f"one of {', '.join(sorted(known)) or 'no terms at all'}",
                )
        return given
