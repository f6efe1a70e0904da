"""Numbers: disjuncts as intervals, multiples and lists, spelled without what they do not need."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from potentials.grammar.llguidance import knows_negative_multiples
from potentials.grammar.schema import ranges
from potentials.grammar.schema.atoms import Atom
from smc.errors import GrammarError

_MOST_REMAINDERS = 20_000
_NUMBER = r"/-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/"


def exact(value: float) -> Fraction:
    """Return a number as its decimal spelling says it."""
    return Fraction(repr(value) if isinstance(value, float) else value)


@dataclass(frozen=True)
class Interval:
    """Numbers between two ends, each with whether it belongs; None: no end."""

    low: tuple[Fraction, bool] | None = None
    high: tuple[Fraction, bool] | None = None

    def __contains__(self, value: Fraction) -> bool:
        above = self.low is None or value > self.low[0] or (self.low[1] and value == self.low[0])
        below = (
            self.high is None or value < self.high[0] or (self.high[1] and value == self.high[0])
        )
        return above and below

    def above(self, value: Fraction, inclusive: bool) -> Interval:
        """Return what is above a value."""
        if self.low is None or (value, not inclusive) > (self.low[0], not self.low[1]):
            return replace(self, low=(value, inclusive))
        return self

    def below(self, value: Fraction, inclusive: bool) -> Interval:
        """Return what is below a value."""
        if self.high is None or (value, inclusive) < (self.high[0], self.high[1]):
            return replace(self, high=(value, inclusive))
        return self

    def holds_multiple(self, unit: Fraction) -> bool:
        """Return whether a multiple of a unit is inside."""
        if self.low is None or self.high is None:
            return True
        first = math.ceil(self.low[0] / unit)
        if not self.low[1] and first * unit == self.low[0]:
            first += 1
        return first * unit in self

    @property
    def empty(self) -> bool:
        """Whether no number is inside."""
        if self.low is None or self.high is None or self.low[0] < self.high[0]:
            return False
        return self.low[0] > self.high[0] or not (self.low[1] and self.high[1])


def lexemes(atoms: Iterable[Atom]) -> Iterator[str]:
    """Yield lexemes in llguidance's dialect of the numbers that a disjunct allows."""
    atoms = list(atoms)
    integral = {a.positive for a in atoms if a.keyword == "integral"}
    if len(integral) == 2:
        return
    if any(a.keyword == "in" and a.positive for a in atoms):
        literals = [x for v in _listed(atoms) for x in _literals(v, integral == {True})]
        if literals:
            yield f"/(?:{'|'.join(literals)})/"
        return
    units = [exact(a.value) for a in atoms if a.keyword == "multipleOf" and a.positive]
    if any(a.keyword == "multipleOf" and not a.positive for a in atoms):
        raise GrammarError("JSONSchema: the opposite of `multipleOf` is not enforced.")
    if integral == {True}:
        units.append(Fraction(1))
    excluded = {v for a in atoms if a.keyword == "in" and not a.positive for v in a.value}
    for part in _without(_interval(atoms), excluded):
        yield from _in_interval(part, units, integral)


def _listed(atoms: list[Atom]) -> list[Fraction]:
    """Return the numbers of a disjunct that lists some, as far as they meet the rest."""
    interval = _interval(atoms)
    lists = [(frozenset(a.value), a.positive) for a in atoms if a.keyword == "in"]
    rest = [a for a in atoms if a.keyword != "in"]
    first = next(a.value for a in atoms if a.keyword == "in" and a.positive)
    return [
        value
        for value in first
        if value in interval
        and all((value in values) == positive for values, positive in lists)
        and all(_meets(value, a) == a.positive for a in rest)
    ]


def _meets(value: Fraction, atom: Atom) -> bool:
    if atom.keyword == "multipleOf":
        return value % exact(atom.value) == 0
    if atom.keyword == "integral":
        return value.denominator == 1
    return atom.positive  # the interval says the rest


def enumerated(atoms: Iterable[Atom]) -> list[object] | None:
    """Return the numbers that a disjunct lists; None if it lists none."""
    atoms = list(atoms)
    if not any(a.keyword == "in" and a.positive for a in atoms):
        return None
    return [_plain(value) for value in _listed(atoms)]


def _interval(atoms: Iterable[Atom]) -> Interval:
    interval = Interval()
    for atom in atoms:
        if atom.keyword == "minimum":
            interval = interval.above(exact(atom.value), True)
        elif atom.keyword == "exclusiveMinimum":
            interval = interval.above(exact(atom.value), False)
        elif atom.keyword == "maximum":
            interval = interval.below(exact(atom.value), True)
        elif atom.keyword == "exclusiveMaximum":
            interval = interval.below(exact(atom.value), False)
    return interval


def _without(interval: Interval, excluded: set[Fraction]) -> Iterator[Interval]:
    for value in sorted(excluded):
        if value in interval:
            yield interval.below(value, False)
            interval = interval.above(value, False)
    yield interval


def _in_interval(interval: Interval, units: list[Fraction], integral: set[bool]) -> Iterator[str]:
    if interval.empty:
        return
    unit = _common_multiple(units)
    if unit is None:
        yield from _ranged(interval, integral)
    elif unit.denominator == 1 and integral == {False}:
        return
    elif unit == 1:
        yield from _ranged(interval, {True})
    elif integral == {False}:
        raise GrammarError(
            "JSONSchema: multiples that are no integers are not enforced. Check them in a "
            "`Potential` of your own."
        )
    else:
        for each in _by_decimals(unit):
            yield from _multiples(interval, each)
        if unit.denominator == 1 and not integral:
            # As `json.dumps` writes a float.
            yield from (f"{lexeme} /\\.0/" for lexeme in _multiples(interval, unit))


def _ranged(interval: Interval, integral: set[bool]) -> Iterator[str]:
    if interval == Interval() and not integral:
        yield _NUMBER
        return
    if integral == {True} and not interval.holds_multiple(Fraction(1)):
        return
    low, high = interval.low, interval.high
    alone = low is not None and high is not None and low[0] == high[0]
    if integral == {False} and alone and low is not None and low[0].denominator == 1:
        return
    parts = [f"/{ranges.INTEGER}/"] if integral == {True} else []
    parts += [f"/{ranges.NOT_INTEGER}/"] if integral == {False} else []
    if interval.low is not None:
        parts.append(f"/{ranges.above(*interval.low)}/")
    if interval.high is not None:
        parts.append(f"/{ranges.below(*interval.high)}/")
    yield " & ".join(parts)


def _by_decimals(unit: Fraction) -> list[Fraction]:
    """Return a unit, and the units of those of its multiples that have fewer decimals.

    llguidance spells the multiples of 0.25 with two decimals or with none: 0.50, and never 0.5.
    """
    units, place = [unit], Fraction(1)
    while (unit / place).denominator > 1:
        units.append(_common_multiple([unit, place]) or unit)
        place /= 10
    return units if unit != place else [unit]  # where every digit will do, none is missing


def _multiples(interval: Interval, unit: Fraction) -> Iterator[str]:
    if not interval.holds_multiple(unit):
        return
    if _remainders(unit) > _MOST_REMAINDERS:
        raise GrammarError(
            f"JSONSchema: multiples of {_plain(unit)} need an automaton of {_remainders(unit):,} "
            f"states, more than {_MOST_REMAINDERS:,}. Check them in a `Potential` of your own."
        )
    if (interval.low is None or interval.low[0] < 0) and not knows_negative_multiples():
        raise GrammarError(
            "JSONSchema: the installed llguidance loses negative multiples; expected release 1.9 "
            "or later. Install it, or give the number a minimum of 0."
        )
    schema: dict[str, Any] = {
        "type": "integer" if unit.denominator == 1 else "number",
        "multipleOf": _plain(unit),
    }
    # Ends are put on multiples: llguidance's exclusive ends of fractions are not exact.
    if interval.low is not None:
        first = math.ceil(interval.low[0] / unit) * unit
        schema["minimum"] = _plain(first if first in interval else first + unit)
    if interval.high is not None:
        last = math.floor(interval.high[0] / unit) * unit
        schema["maximum"] = _plain(last if last in interval else last - unit)
    schema["x-guidance"] = {"whitespace_flexible": False}
    yield f"%json {json.dumps(schema)}"


def _common_multiple(units: list[Fraction]) -> Fraction | None:
    if not units:
        return None
    denominator = math.lcm(*(u.denominator for u in units))
    numerator = math.lcm(*(int(u * denominator) for u in units))
    return Fraction(numerator, denominator)


def _remainders(unit: Fraction) -> int:
    """How many remainders digits can leave: those of the part that is prime to ten."""
    left = unit.numerator
    for prime in (2, 5):
        while left % prime == 0:
            left //= prime
    return left


def _plain(value: Fraction) -> int | float:
    if value.denominator == 1:
        return int(value)
    return float(value)


def _literals(value: Fraction, integral: bool) -> Iterator[str]:
    if value.denominator == 1:
        yield str(int(value)) if integral else rf"{int(value)}(?:\.0)?"
    else:
        yield json.dumps(float(value)).replace(".", r"\.").replace("+", r"\+")
