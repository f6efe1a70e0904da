"""Objects: disjuncts as lists of named properties, in their order, and of others after them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from potentials.grammar.schema import names, spelling
from potentials.grammar.schema.atoms import Disjunct, Literal, State
from potentials.grammar.schema.ecma import ecma_pattern
from potentials.grammar.schema.names import NameClass
from potentials.grammar.schema.productions import Productions, Rule, Symbol, Terminal
from smc.errors import GrammarError

if TYPE_CHECKING:
    from potentials.grammar.schema.compiler import Compiler

_MOST_STATES = 20_000
_LAST = (1 << 60, 0)


@dataclass(frozen=True)
class _Named:
    """A property that the schema names.

    Attributes:
        name: Its name.
        value: What its value must meet.
        required: Whether it must be there.
    """

    name: str
    value: State
    required: bool


class ObjectShape:
    """A disjunct for objects.

    Args:
        compiler: Makes the rules of the values.
        atoms: The disjunct.
    """

    def __init__(self, compiler: Compiler, atoms: Disjunct) -> None:
        self._compiler = compiler
        self._atoms = sorted(atoms, key=repr)
        self._present = {a.value for a in atoms if a.keyword == "present" and a.positive}
        self._absent = {a.value for a in atoms if a.keyword == "present" and not a.positive}
        self._least = max((a.value for a in atoms if a.keyword == "minProperties"), default=0)
        self._most = min((a.value for a in atoms if a.keyword == "maxProperties"), default=None)
        self._patterns = sorted(
            {a.value[0] for a in atoms if a.keyword == "matching"}
            | {p for a in atoms if a.keyword == "other" for p in a.value[1]}
        )
        self._name_kinds = compiler.strings(
            frozenset(a.value for a in atoms if a.keyword == "names")
        )

    def add_to(self, rule: Rule) -> None:
        """Add the productions of the disjunct to a rule."""
        if self._present & self._absent:
            return
        if self._most is not None and self._least > self._most:
            return
        known = self._order()
        classes = list(self._classes(known))
        # Names of a class of few are named one by one: so none can be begun that is used up.
        few = [name for c in classes if c.few is not None for name in c.few]
        named = [self._named(name) for name in [*known, *few] if name not in self._absent]
        if any(n.required and not self._name_allowed(n.name) for n in named):
            return
        named = [n for n in named if self._name_allowed(n.name)]
        others = [c for c in classes if c.few is None]
        self._compiler.frees_names |= bool(others)
        self._compiler.tight_names |= any(not c.roomy for c in others)
        self._spell(rule, named, others)

    def _order(self) -> list[str]:
        places: dict[str, tuple[int, int]] = {}
        for atom in self._atoms:
            if atom.keyword == "property":
                name, _, place = atom.value
            elif atom.keyword == "order":
                name, place = atom.value
            elif atom.keyword == "present":
                name, place = atom.value, _LAST
            else:
                continue
            places[name] = min(place, places.get(name, _LAST))
        return sorted(places, key=lambda name: (places[name], name))

    def _named(self, name: str) -> _Named:
        literals: set[Literal] = set()
        for atom in self._atoms:
            if (atom.keyword == "property" and atom.value[0] == name) or (
                atom.keyword == "matching" and ecma_pattern(atom.value[0]).found_in(name)
            ):
                literals.add(atom.value[1])
            elif atom.keyword == "other":
                names_, patterns, literal = atom.value
                if name not in names_ and not any(ecma_pattern(p).found_in(name) for p in patterns):
                    literals.add(literal)
        return _Named(name, frozenset(literals), name in self._present)

    def _name_allowed(self, name: str) -> bool:
        return names.allowed(self._name_kinds, name)

    def _classes(self, known: list[str]) -> Iterator[NameClass]:
        """Yield the classes of other names that some value is possible for."""
        for c in names.classes(self._patterns, self._name_kinds, known):
            value = self._value_of(c.matching)
            if not self._compiler.hopeless(value):
                yield c

    def _value_of(self, matching: frozenset[str]) -> State:
        """Return what the value of an unnamed property must meet, by the patterns it matches."""
        literals: set[Literal] = set()
        for atom in self._atoms:
            if atom.keyword == "matching" and atom.value[0] in matching:
                literals.add(atom.value[1])
            elif atom.keyword == "other" and not atom.value[1] & matching:
                literals.add(atom.value[2])
        return frozenset(literals)

    def _spell(self, rule: Rule, named: list[_Named], others: list[NameClass]) -> None:
        grammar = self._compiler.grammar
        opening, closing, comma = self._compiler.signs.object
        top = self._least if self._most is None else self._most
        if len(named) * (top + 1) > _MOST_STATES:
            raise GrammarError(
                f"JSONSchema: an object needs more than {_MOST_STATES:,} states to count its "
                "properties. Lower its `minProperties` or `maxProperties`."
            )
        first_other = self._others(others)
        if not any(n.required for n in named) and self._least == 0:
            grammar.add(rule, opening, closing)
        # Rules by how many properties were written, at most `top` where more does not matter.
        reading: dict[int, Rule] = {}
        may_be_first = True
        for n in named:
            member = self._member(n)
            after: dict[int, Rule] = {}
            for count, read in reading.items():
                if self._fits(count):
                    grammar.add(_at(after, self._up(count, top), grammar), read, comma, *member)
                if not n.required:
                    grammar.add(_at(after, count, grammar), read)
            if may_be_first and self._fits(0):
                grammar.add(_at(after, self._up(0, top), grammar), *member)
            may_be_first = may_be_first and not n.required
            reading = after
        if first_other is not None:
            reading = self._then_others(reading, first_other, may_be_first, top)
        for count, read in reading.items():
            if count >= self._least:
                grammar.add(rule, opening, read, closing)

    def _then_others(
        self, reading: dict[int, Rule], other: Rule, may_be_first: bool, top: int
    ) -> dict[int, Rule]:
        grammar = self._compiler.grammar
        comma = self._compiler.signs.object[2]
        after: dict[int, Rule] = {}
        for count, read in reading.items():
            grammar.add(_at(after, count, grammar), read)
        if may_be_first and self._fits(0):
            grammar.add(_at(after, self._up(0, top), grammar), other)
        todo = sorted(after)
        while todo:
            count = todo.pop(0)
            if self._fits(count):
                to = self._up(count, top)
                if to not in after:
                    todo.append(to)
                grammar.add(_at(after, to, grammar), after[count], comma, other)
        return after

    def _up(self, count: int, top: int) -> int:
        return min(count + 1, top)

    def _fits(self, count: int) -> bool:
        return self._most is None or count < self._most

    def _member(self, n: _Named) -> tuple[Symbol, ...]:
        name = Terminal(f'/"{spelling.literal(n.name)}"/')
        return name, self._compiler.signs.colon, self._compiler.rule(n.value)

    def _others(self, classes: list[NameClass]) -> Rule | None:
        if not classes:
            return None
        rule = self._compiler.grammar.rule()
        for c in classes:
            value = self._compiler.rule(self._value_of(c.matching))
            for lexeme in c.lexemes:
                self._compiler.grammar.add(
                    rule, Terminal(lexeme), self._compiler.signs.colon, value
                )
        return rule


def _at(rules: dict[int, Rule], count: int, grammar: Productions) -> Rule:
    if count not in rules:
        rules[count] = grammar.rule()
    return rules[count]
