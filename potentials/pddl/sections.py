"""Syntax shared by domains and problems: sections, typed lists, formulas."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from potentials.pddl.errors import PDDLError
from potentials.pddl.expressions import Group, Word, name, read, shown
from potentials.pddl.model import OBJECT, Atom


def definition(
    text: str, kind: str, known: frozenset[str]
) -> tuple[str, dict[str, Group], list[Group]]:
    """Read `(define (kind name) (:section …) …)`.

    Args:
        text: Of the domain or problem.
        kind: `domain` or `problem`.
        known: The keywords of the sections that are supported.

    Returns:
        The name, the sections by keyword, and the actions, which alone may stand more than once.

    Raises:
        PDDLError: It is something else, or has a section that is not supported.
    """
    whole = read(text, f"the {kind}")
    title = whole.items[1] if len(whole.items) > 1 else None
    if whole.head != "define" or not isinstance(title, Group) or title.head != kind:
        raise PDDLError(
            f"the {kind} begins with another list",
            line=whole.line,
            expected=f"(define ({kind} NAME) …)",
        )
    if len(title.items) != 2:
        raise PDDLError(
            f"the title has {len(title.items)} words", line=title.line, expected=f"({kind} NAME)"
        )
    sections: dict[str, Group] = {}
    actions: list[Group] = []
    for item in whole.items[2:]:
        if not isinstance(item, Group) or not item.head.startswith(":"):
            raise PDDLError(
                f"no section in the {kind}", line=item.line, expected="a list (:keyword …)"
            )
        if item.head not in known:
            raise PDDLError(
                f"{shown(item.head)} in the {kind}",
                line=item.line,
                expected=f"one of {', '.join(sorted(known))}",
                remedy="Other parts of PDDL are not supported.",
            )
        if item.head == ":action":
            actions.append(item)
        elif item.head in sections:
            raise PDDLError(f"a second {item.head}", line=item.line, expected="one at most")
        else:
            sections[item.head] = item
    return name(title.items[1], f"the name of the {kind}"), sections, actions


def requirements(section: Group | None, supported: frozenset[str]) -> frozenset[str]:
    """Return the words of `(:requirements …)`, all of them supported."""
    names: set[str] = set()
    for item in section.items[1:] if section else ():
        if isinstance(item, Group) or item.text not in supported:
            what = "a list" if isinstance(item, Group) else shown(item.text)
            raise PDDLError(
                f"the requirement is {what}",
                line=item.line,
                expected=f"one of {', '.join(sorted(supported))}",
                remedy="Other parts of PDDL are not supported.",
            )
        names.add(item.text)
    return frozenset(names)


def typed(items: Sequence[Word | Group], what: str) -> Iterator[tuple[str, str, int]]:
    """Yield (name, type, line) of a list like `a b - block c`; what has no type is an `object`.

    Args:
        items: Names, or variables where `what` is `a parameter`.
        what: What is listed, for messages.
    """
    waiting: list[tuple[str, int]] = []
    at = 0
    while at < len(items):
        item = items[at]
        if isinstance(item, Word) and item.text == "-":
            if not waiting or at + 1 == len(items):
                raise PDDLError(
                    "a dash without names before it, or a type after it",
                    line=item.line,
                    expected="NAME … - TYPE",
                )
            kind = _type(items[at + 1])
            yield from ((each, kind, line) for each, line in waiting)
            waiting = []
            at += 2
        else:
            each = variable(item) if what == "a parameter" else name(item, what)
            waiting.append((each, item.line))
            at += 1
    yield from ((each, OBJECT, line) for each, line in waiting)


def _type(item: Word | Group) -> str:
    if isinstance(item, Group) and item.head == "either":
        raise PDDLError(
            "a type is (either …)",
            line=item.line,
            expected="one type",
            remedy="Declare a type above them under :types.",
        )
    return name(item, "a type")


def declared(
    items: Sequence[Word | Group], what: str, types: Mapping[str, str] | None = None
) -> Iterator[tuple[str, str, int]]:
    """Yield (name, type, line) of a typed list whose types are declared.

    Args:
        items: As of `typed`.
        what: As of `typed`.
        types: The types there are; None: any.
    """
    for each, kind, line in typed(items, what):
        if types is not None and kind != OBJECT and kind not in types:
            raise PDDLError(
                f"{each} has the type {kind}",
                line=line,
                expected=f"one of {', '.join(sorted({OBJECT, *types}))}",
                remedy="Declare it under :types.",
            )
        yield each, kind, line


def unique(
    items: Sequence[Word | Group], what: str, types: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return name -> type of a typed list in which no name stands twice; see `declared`."""
    kinds: dict[str, str] = {}
    for each, kind, line in declared(items, what, types):
        if each in kinds:
            raise PDDLError(f"{what}, {each}, a second time", line=line, expected="each once")
        kinds[each] = kind
    return kinds


def variable(item: Word | Group) -> str:
    """Return the variable, `?x`, that stands somewhere."""
    if isinstance(item, Group) or not item.text.startswith("?"):
        what = "a list" if isinstance(item, Group) else shown(item.text)
        raise PDDLError(f"a parameter is {what}", line=item.line, expected="a variable like ?x")
    return "?" + name(Word(item.text[1:], item.line), "the name of a variable")


def conjuncts(item: Word | Group, where: str) -> Iterator[Group]:
    """Yield the parts of nested `(and …)`, in order."""
    waiting = [item]
    while waiting:
        part = waiting.pop()
        if isinstance(part, Word):
            raise PDDLError(
                f"{shown(part.text)} in the {where}", line=part.line, expected="a list, ( … )"
            )
        if part.head == "and":
            waiting.extend(reversed(part.items[1:]))
        else:
            yield part


_NOT_ATOMS = frozenset(
    "and or not imply exists forall when = increase decrease assign preference".split()
)


def atom(group: Group, where: str, *, variables: bool = False) -> Atom:
    """Return the atom that a list is.

    Args:
        group: The list.
        where: What it is part of, for messages.
        variables: Whether arguments may be variables.
    """
    if not group.items:
        raise PDDLError(f"an empty list in the {where}", line=group.line, expected="a predicate")
    if group.head in _NOT_ATOMS:
        raise PDDLError(
            f"({group.head} …) in the {where}",
            line=group.line,
            expected="a predicate with its arguments",
            remedy="Other formulas are not supported there.",
        )
    what = f"an argument of ({group.head} …)"
    args = tuple(
        variable(i) if variables and isinstance(i, Word) and i.text[:1] == "?" else name(i, what)
        for i in group.items[1:]
    )
    return Atom(name(group.items[0], f"the predicate in the {where}"), args)
