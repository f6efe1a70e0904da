"""Arrays: disjuncts as finite automata over items, spelled left-linear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from potentials.grammar.schema.atoms import Disjunct, Literal, State
from potentials.grammar.schema.productions import Rule
from smc.errors import GrammarError

if TYPE_CHECKING:
    from potentials.grammar.schema.compiler import Compiler

_MOST_STATES = 4096
_MOST_UNIQUE = 8


@dataclass(frozen=True)
class _Count:
    """At least `least` and at most `most` items from `start` on meet a schema."""

    literal: Literal
    least: int
    most: int | None
    start: int


@dataclass(frozen=True)
class _Position:
    """What of an array's beginning matters to the rest.

    Attributes:
        index: Items so far, as far as that matters.
        counts: For each count, the items that were counted, as far as that matters.
        used: Values that may not come again.
    """

    index: int
    counts: tuple[int, ...]
    used: frozenset[Literal]


class ArrayShape:
    """A disjunct for arrays.

    Args:
        compiler: Makes the rules of the items.
        atoms: The disjunct.
    """

    def __init__(self, compiler: Compiler, atoms: Disjunct) -> None:
        self._compiler = compiler
        self._at = [a.value for a in atoms if a.keyword == "at"]
        self._from = [a.value for a in atoms if a.keyword == "from"]
        counts = {_Count(*a.value) for a in atoms if a.keyword == "count"}
        self._counts = sorted(counts, key=repr)
        self._least = max((a.value for a in atoms if a.keyword == "minItems"), default=0)
        self._most = min((a.value for a in atoms if a.keyword == "maxItems"), default=None)
        starts = [i + 1 for i, _ in self._at] + [i for i, _ in self._from]
        starts += [c.start for c in self._counts]
        ends = [self._least] if self._most is None else [self._least, self._most]
        self._cap = max([0, *starts, *ends])
        self._unique = any(a.keyword == "unique" for a in atoms) and self._most not in (0, 1)

    def add_to(self, rule: Rule) -> None:
        """Add the productions of the disjunct to a rule."""
        compiler, grammar = self._compiler, self._compiler.grammar
        opening, closing, comma = compiler.signs.array
        start = _Position(0, (0,) * len(self._counts), frozenset())
        if self._most is not None and self._least > self._most:
            return
        if self._accepts(start):
            grammar.add(rule, opening, closing)
        reading: dict[_Position, Rule] = {start: grammar.rule()}
        todo = [start]
        while todo:
            position = todo.pop()
            for item, after in self._steps(position):
                if after not in reading:
                    reading[after] = grammar.rule()
                    todo.append(after)
                    if len(reading) > _MOST_STATES:
                        raise GrammarError(
                            f"JSONSchema: an array needs more than {_MOST_STATES:,} states to "
                            "count its items. Lower its `minItems`, `maxItems` or `contains`."
                        )
                if position == start:
                    grammar.add(reading[after], item)
                if position != start or start.index == self._cap:
                    grammar.add(reading[after], reading[position], comma, item)
        for position, read in reading.items():
            if self._accepts(position):
                grammar.add(rule, opening, read, closing)

    def _accepts(self, position: _Position) -> bool:
        enough = all(n >= c.least for n, c in zip(position.counts, self._counts, strict=True))
        return enough and position.index >= self._least

    def _steps(self, position: _Position) -> Iterator[tuple[Rule, _Position]]:
        if self._most is not None and position.index >= self._most:
            return
        index = position.index
        demanded = {x for i, x in self._at if i == index}
        demanded |= {x for i, x in self._from if i <= index}
        after = min(index + 1, self._cap)
        for literals, counts in self._counted(position.counts, index, frozenset(demanded)):
            if not self._unique:
                yield self._compiler.rule(literals), _Position(after, counts, position.used)
                continue
            for value in self._values(literals):
                if value not in position.used:
                    item = self._compiler.rule(literals | {value})
                    yield item, _Position(after, counts, position.used | {value})

    def _counted(
        self, counts: tuple[int, ...], index: int, demanded: State
    ) -> Iterator[tuple[State, tuple[int, ...]]]:
        options: list[tuple[State, tuple[int, ...]]] = [(demanded, ())]
        for count, n in zip(self._counts, counts, strict=True):
            grown: list[tuple[State, tuple[int, ...]]] = []
            for literals, so_far in options:
                if index < count.start or (count.most is None and n >= count.least):
                    grown.append((literals, (*so_far, n)))
                elif count.most is None:
                    grown.append((literals, (*so_far, n)))
                    grown.append((literals | {count.literal}, (*so_far, n + 1)))
                else:
                    grown.append((literals | {count.literal.negated}, (*so_far, n)))
                    if n < count.most:
                        grown.append((literals | {count.literal}, (*so_far, n + 1)))
            options = grown
        yield from options

    def _values(self, literals: State) -> list[Literal]:
        """Return the values that an item may have, as schemas of one value each."""
        values = self._compiler.values(literals, _MOST_UNIQUE)
        if values is None:
            raise GrammarError(
                "JSONSchema: `uniqueItems` is enforced only where an item has at most "
                f"{_MOST_UNIQUE} values (`enum`, `const`, booleans). Remove it, or check the "
                "document in a `Potential` of your own."
            )
        return values
