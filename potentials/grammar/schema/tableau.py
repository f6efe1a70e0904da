"""The tableau: a conjunction of schemas, in disjunctive normal form for each type of value.

A state is a set of schemas that must hold or must not, the state of a tree automaton. Its clauses
are taken apart until only demands on the value itself (atoms) and on its parts are left.
"""

from __future__ import annotations

from dataclasses import dataclass

from potentials.grammar.schema.atoms import Atom, Disjunct, Literal, State
from potentials.grammar.schema.clauses import Clauses
from potentials.grammar.schema.keywords import Clause
from smc.errors import GrammarError

MOST_DISJUNCTS = 512


@dataclass(frozen=True)
class _Open:
    """A conjunction that is still taken apart."""

    agenda: tuple[Literal, ...]
    seen: frozenset[Literal]
    atoms: frozenset[Atom]
    choices: tuple[Clause, ...]


def disjuncts(clauses: Clauses, state: State, kind: str) -> list[Disjunct]:
    """Return the ways in which a value of a type may meet a state, without repeats.

    Raises:
        GrammarError: There are too many.
    """
    closed: dict[Disjunct, None] = {}
    stack = [_Open(tuple(sorted(state, key=_order)), frozenset(), frozenset(), ())]
    steps = 0
    while stack:
        steps += 1
        branch = _closed(clauses, stack.pop(), kind)
        if branch is None:
            continue
        if not branch.choices:
            closed[branch.atoms] = None
        else:
            first, *rest = branch.choices
            stack += reversed([_taken(branch, option, tuple(rest)) for option in first])
        if len(closed) > MOST_DISJUNCTS or steps > 20 * MOST_DISJUNCTS:
            places = ", ".join(
                clauses.resources.nodes[x.node].place for x in sorted(state, key=_order)
            )
            raise GrammarError(
                f"JSONSchema: {places}: there are more than {MOST_DISJUNCTS} ways to choose among "
                "its alternatives. Fewer alternatives, or `anyOf` in the place of `oneOf`, help."
            )
    return _maximal(list(closed))


def _closed(clauses: Clauses, branch: _Open, kind: str) -> _Open | None:
    """Take literals apart until only choices are left; None if they contradict each other."""
    agenda, seen, atoms = list(branch.agenda), set(branch.seen), set(branch.atoms)
    choices = list(branch.choices)
    while True:
        while agenda:
            literal = agenda.pop()
            if literal in seen:
                continue
            if literal.negated in seen:
                return None
            seen.add(literal)
            choices += clauses.of(literal, kind)
        left: list[Clause] = []
        for clause in choices:
            options = [o for o in clause if not any(_denied(part, seen, atoms) for part in o)]
            if not options:
                return None
            if any(all(part in seen or part in atoms for part in o) for o in options):
                continue
            if len(options) > 1:
                left.append(tuple(options))
                continue
            for part in options[0]:
                if isinstance(part, Literal):
                    agenda.append(part)
                else:
                    atoms.add(part)
        choices = left
        if not agenda:
            return _Open((), frozenset(seen), frozenset(atoms), tuple(choices))


def _denied(part: Literal | Atom, seen: set[Literal], atoms: set[Atom]) -> bool:
    if isinstance(part, Literal):
        return part.negated in seen
    return part.keyword in ("present", "integral", "unique") and part.negated in atoms


def _taken(branch: _Open, option: tuple[Literal | Atom, ...], choices: tuple[Clause, ...]) -> _Open:
    literals = tuple(part for part in option if isinstance(part, Literal))
    atoms = frozenset(part for part in option if isinstance(part, Atom))
    return _Open(literals, branch.seen, branch.atoms | atoms, choices)


def _maximal(closed: list[Disjunct]) -> list[Disjunct]:
    """Drop disjuncts that demand all that another demands and more."""
    if len(closed) > 64:
        return closed
    return [d for d in closed if not any(other < d for other in closed)]


def _order(literal: Literal) -> tuple[int, bool]:
    return literal.node, literal.positive
