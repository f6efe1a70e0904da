"""The compiler: states of the tableau to rules of a grammar, as far as the start reaches."""

from __future__ import annotations

import json

from potentials.grammar.llguidance import has_text
from potentials.grammar.schema import numbers, strings, tableau
from potentials.grammar.schema.arrays import ArrayShape
from potentials.grammar.schema.atoms import KINDS, Disjunct, Literal, State
from potentials.grammar.schema.clauses import Clauses
from potentials.grammar.schema.objects import ObjectShape
from potentials.grammar.schema.productions import Productions, Rule, Terminal
from potentials.grammar.schema.resources import Resources
from potentials.grammar.schema.signs import Signs
from smc.errors import GrammarError

_MOST_STATES = 20_000


class Compiler:
    """Turns schemas into productions.

    Args:
        resources: The subschemas.
        checked_formats: Formats that are demanded.
        signs: Punctuation.

    Attributes:
        grammar: The productions so far.
        frees_names: Whether an object has names that the schema does not name.
        tight_names: Whether such names can be used up.
    """

    def __init__(self, resources: Resources, checked_formats: frozenset[str], signs: Signs) -> None:
        self.resources, self.signs = resources, signs
        self.grammar = Productions()
        self.frees_names = self.tight_names = False
        self._clauses = Clauses(resources, checked_formats)
        self._rules: dict[State, Rule] = {}
        self._todo: list[State] = []

    def compile(self) -> str | None:
        """Return the grammar of the whole schema in llguidance's dialect; None if it is empty."""
        start = self.rule(frozenset({Literal(self.resources.root.number)}))
        while self._todo:
            state = self._todo.pop()
            for kind in KINDS:
                for atoms in tableau.disjuncts(self._clauses, state, kind):
                    self._spell(self._rules[state], kind, atoms)
        return self.grammar.lark(start)

    def rule(self, state: State) -> Rule:
        """Return the rule of the documents that meet a state."""
        if state not in self._rules:
            if len(self._rules) >= _MOST_STATES:
                raise GrammarError(
                    f"JSONSchema: the schema needs more than {_MOST_STATES:,} rules. Simplify it."
                )
            self._rules[state] = self.grammar.rule()
            self._todo.append(state)
        return self._rules[state]

    def strings(self, state: State) -> list[Disjunct]:
        """Return the ways in which a string may meet a state."""
        return tableau.disjuncts(self._clauses, state, "string")

    def hopeless(self, state: State) -> bool:
        """Return whether a state plainly has no document."""
        return any(self.resources.nodes[x.node].schema is (not x.positive) for x in state)

    def values(self, state: State, most: int) -> list[Literal] | None:
        """Return the values that meet a state, as schemas; None if there are more than a few."""
        found: dict[Literal, None] = {}
        for kind in KINDS:
            for atoms in tableau.disjuncts(self._clauses, state, kind):
                if kind in ("array", "object"):
                    return None
                scalars: list[object] | None
                if kind in ("null", "boolean"):
                    scalars = list(_constants(kind, atoms))
                elif kind == "string":
                    texts = strings.enumerated(atoms)
                    scalars = None if texts is None else list(texts)
                else:
                    scalars = numbers.enumerated(atoms)
                if scalars is None or len(found) + len(scalars) > most:
                    return None
                found.update(dict.fromkeys(self._clauses.constants.literal(v) for v in scalars))
        return list(found)

    def _spell(self, rule: Rule, kind: str, atoms: Disjunct) -> None:
        if kind in ("null", "boolean"):
            for value in _constants(kind, atoms):
                self.grammar.add(rule, Terminal(json.dumps(json.dumps(value))))
        elif kind == "number":
            for lexeme in numbers.lexemes(atoms):
                self.grammar.add(rule, Terminal(lexeme))
        elif kind == "string":
            lexeme = strings.lexeme(atoms)
            if lexeme is not None and (
                strings.plain(atoms) or has_text(f"start: S\nS: {lexeme}\n")
            ):
                self.grammar.add(rule, Terminal(lexeme))
        elif kind == "array":
            ArrayShape(self, atoms).add_to(rule)
        else:
            ObjectShape(self, atoms).add_to(rule)


def _constants(kind: str, atoms: Disjunct) -> list[bool | None]:
    return [
        value
        for value in ((True, False) if kind == "boolean" else (None,))
        if all((value in a.value) == a.positive for a in atoms if a.keyword == "in")
    ]
