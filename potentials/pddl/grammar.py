"""Goal grammar: the goals of one problem, as a grammar for Lark."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from itertools import chain, groupby
from typing import TypeAlias

from potentials.pddl.errors import PDDLError
from potentials.pddl.model import Domain, Problem, objects_of

_SPACE = r"[ \t\r\n]"
_CUT = """\
start: atom SPACE? (")" atom SPACE?)* (")" END)?
END: /\\)[) \\t\\r\\n]*/"""
_CLOSED = rf"""
start: (atom SPACE? ")")+ END
END: /{_SPACE}*\)[) \t\r\n]*/"""

Objects: TypeAlias = tuple[str, ...]

_LONGEST = 2000
"""Characters of the names in one terminal; each is a state or two of an automaton."""


def goal_grammar(domain: Domain, problem: Problem, *, closed: bool = False) -> str:
    """Return a Lark grammar of the answers that are goals over exactly a problem's objects.

    The language: one or more atoms of the domain's predicates, each with as many arguments as it
    takes, all of them objects of the problem or constants, and of the right type; names in any
    case; any white space around names and atoms; then the parenthesis that closes the `(and` of
    the prompt, and nothing but parentheses and white space.

    The names that an argument can be are one list for each set of objects that the predicates ask
    for, however many arguments that is, so the grammar grows with the names, not with the atoms.

    Args:
        domain: Whose predicates are used.
        problem: Whose objects are used; its goal is not looked at.
        closed: Whether an answer holds all of its parentheses. By default it is made for the stop
            string `))`: an answer is then also whole without the last two, `" (on a b) (clear a"`,
            and no white space may stand between the two.

    Raises:
        PDDLError: No atom can be made of these objects.

    Example:
        >>> from potentials import Grammar
        >>> from potentials.pddl import parse_domain, parse_problem
        >>> from smc.potential import log_complete
        >>> domain = parse_domain("(define (domain d) (:predicates (on ?x ?y) (clear ?x)))")
        >>> problem = parse_problem(
        ...     "(define (problem p) (:domain d) (:objects a b) (:init) (:goal (clear a)))"
        ... )
        >>> grammar = Grammar(goal_grammar(domain, problem))
        >>> log_complete(grammar, " (on a b) (clear a))"), log_complete(grammar, " (on a c))")
        (0.0, -inf)
    """
    fitting = _fitting(domain, problem)
    shapes = {
        predicate: tuple(fitting[kind] for kind in types)
        for predicate, types in domain.predicates.items()
        if all(fitting[kind] for kind in types)
    }
    if not shapes:
        raise PDDLError(
            f"the problem {problem.name} has no goals: no predicate of {domain.name} can be given "
            "arguments of the right types",
            expected="at least one predicate whose types have objects",
        )
    lists = {
        objects: f"name{n}" for n, objects in enumerate(dict.fromkeys(chain(*shapes.values())))
    }
    lines = [_CLOSED if closed else _CUT, *_atoms(shapes, lists), f"SPACE: /{_SPACE}+/"]
    for objects, rule in lists.items():
        lines += _names(objects, rule)
    return "\n".join([*lines, ""])


def _fitting(domain: Domain, problem: Problem) -> dict[str, Objects]:
    """Return the objects of each type that a predicate asks for."""
    objects = objects_of(domain, problem)
    return {
        kind: tuple(o for o, own in objects.items() if domain.is_a(own, kind))
        for kind in chain.from_iterable(domain.predicates.values())
    }


def _atoms(shapes: Mapping[str, tuple[Objects, ...]], lists: Mapping[Objects, str]) -> list[str]:
    """Return the rule of atoms without their last parenthesis, and the terminals they begin with.

    No terminal begins another one that could stand in its place: a predicate with arguments ends
    behind a space, and one that begins with a predicate without any goes on from there (`on`, and
    `-table` for `on-table`). Predicates that are alike in both respects are one terminal.

    Args:
        shapes: Predicate -> the objects that each argument can be.
        lists: The rule for the names of some objects.
    """
    bare = {predicate for predicate, arguments in shapes.items() if not arguments}
    stems = {each: _stem(each, bare) for each in shapes}
    alike: dict[tuple[str, tuple[Objects, ...], str], list[str]] = defaultdict(list)
    for each, arguments in shapes.items():
        own = each if each in stems.values() else ""
        alike[stems[each], arguments, own].append(each)
    paths = {"": ""}
    forms, terminals = [], []
    # Stems come before what goes on from them.
    for number, (stem, arguments, own) in enumerate(sorted(alike, key=lambda k: len(k[0]))):
        rests = [each.removeprefix(stem) for each in alike[stem, arguments, own]]
        before = "" if stem else rf"{_SPACE}*\({_SPACE}*"
        after = f"{_SPACE}+" if arguments else ""
        terminals.append(f"HEAD{number}: /{before}{_any_of(rests)}{after}/")
        path = f"{paths[stem]} HEAD{number}".lstrip()
        if own:
            paths[own] = path
        forms.append(" ".join([path, " SPACE ".join(lists[a] for a in arguments)]).rstrip())
    return [f"atom: {' | '.join(forms)}", *terminals]


def _stem(name: str, bare: Collection[str]) -> str:
    """Return the longest of some names that a name begins with and is not; empty: there is none."""
    return max((b for b in bare if name.startswith(b) and name != b), key=len, default="")


def _names(names: Iterable[str], rule: str) -> list[str]:
    """Return the rule of some names, and its terminals, none of them too long for an automaton."""
    forms: list[str] = []
    lines: list[str] = []
    for part in _portions(names):
        terminal = f"{rule.upper()}_{len(forms)}"
        forms.append(terminal)
        first, *others = part
        if others and others[-1].startswith(first) and sum(map(len, part)) > _LONGEST:
            # All begin with the first, and go on from there in a rule of their own.
            rest = f"{rule}_{len(forms)}"
            forms.append(f"{terminal} {rest}")
            lines += _names([each.removeprefix(first) for each in others], rest)
            part = [first]
        lines.append(f"{terminal}: /{_any_of(part)}/")
    return [f"{rule}: {' | '.join(forms)}", *lines]


def _portions(names: Iterable[str]) -> list[list[str]]:
    """Return sorted names in parts of bounded length; none begins a name of another part."""
    groups: list[list[str]] = []
    for each in sorted(names):
        if groups and each.startswith(groups[-1][0]):
            groups[-1].append(each)
        else:
            groups.append([each])
    parts: list[list[str]] = []
    room = 0
    for group in groups:
        length = sum(map(len, group))
        if length > room:
            parts.append([])
            room = _LONGEST
        parts[-1] += group
        room -= length
    return parts


def _any_of(names: Iterable[str]) -> str:
    """Return an expression for some names, in any case; what they begin with alike stands once."""
    ordered = sorted(names)
    alike = _begin_alike(ordered[0], ordered[-1])
    rests = [each[alike:] for each in ordered]
    ways = [_any_of(same) for _, same in groupby(filter(None, rests), key=lambda each: each[0])]
    # The longest comes first: Python takes the first way that fits.
    end = "?" if not rests[0] else ""
    branches = f"({'|'.join(ways)}){end}" if ways else ""
    return _any_case(ordered[0][:alike]) + branches


def _begin_alike(one: str, other: str) -> int:
    """Return how many characters two names have in common at their beginnings."""
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _any_case(name: str) -> str:
    return "".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in name)
