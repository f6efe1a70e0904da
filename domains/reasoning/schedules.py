"""Puzzles of time: a trip over direct flights, and the earliest free slot in calendars."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from domains.reasoning.facts import CITIES, NAMES
from domains.reasoning.kind import Kind, Solution

_TRIP = re.compile(r"stay ([^;]+); flights ([^;]+); in (\w+) on day (\d+)")
_STEP = re.compile(r"day (\d+)-(\d+) (\w+)")


@dataclass(frozen=True)
class _Plan:
    """What a trip has to meet.

    Attributes:
        days: Of each city.
        flights: Pairs of cities, in both directions.
        city: Where the traveller has to be.
        day: On that day.
    """

    days: Mapping[str, int]
    flights: frozenset[tuple[str, str]]
    city: str
    day: int

    def allows(self, cities: Sequence[str]) -> bool:
        """Whether a trip may begin so."""
        if len(set(cities)) < len(cities) or not set(cities) <= self.days.keys():
            return False
        if any(pair not in self.flights for pair in pairwise(cities)):
            return False
        first = 1
        for city in cities:
            last = first + self.days[city] - 1
            if (first <= self.day <= last) != (city == self.city):
                return False
            first = last + 1
        return True

    def completed(self, cities: Sequence[str]) -> tuple[str, ...] | None:
        """Return the first trip in order that begins so; None where there is none."""
        if not self.allows(cities):
            return None
        if len(cities) == len(self.days):
            return tuple(cities)
        onward = (self.completed((*cities, city)) for city in self.days)
        return next((trip for trip in onward if trip is not None), None)

    def lines(self, cities: Sequence[str]) -> tuple[str, ...]:
        """Return a trip as it is written, a city a line."""
        first, lines = 1, []
        for city in cities:
            last = first + self.days[city] - 1
            lines.append(f"day {first}-{last} {city}")
            first = last + 1
        return tuple(lines)


class Trip(Kind):
    """An order of cities along direct flights, in one of them on a given day."""

    name = "trip"
    rules = (
        "Visit every city once, for its days, one directly after the other, along the direct "
        "flights (both ways), and be in the city named on the day named. Day 1 is the first. Write "
        "one city a line, such as: day 1-3 oslo. The answer is the cities in order, separated by a "
        "space."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        order = rng.sample(CITIES, rng.choice((3, 4)))
        days = {city: rng.randint(1, 4) for city in order}
        flights = {tuple(rng.sample(pair, 2)) for pair in pairwise(order)}
        joined = {frozenset(f) for f in flights}
        for _ in range(rng.choice((1, 2))):
            extra = tuple(rng.sample(order, 2))
            if frozenset(extra) not in joined:
                flights.add(extra)
                joined.add(frozenset(extra))
        chosen = rng.choice(order)
        before = sum(days[c] for c in order[: order.index(chosen)])
        day = before + rng.randint(1, days[chosen])
        told = ", ".join(f"{c} {days[c]}" for c in rng.sample(order, len(order)))
        pairs = sorted("-".join(f) for f in flights)
        rng.shuffle(pairs)
        return f"stay {told}; flights {', '.join(pairs)}; in {chosen} on day {day}"

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        plan = self._parse(question)
        trip = plan.completed(())
        if trip is None:
            raise self.unreadable(question)
        return Solution(plan.lines(trip), " ".join(trip))

    def is_right(self, question: str, answer: str) -> bool:
        """See `Kind.is_right`."""
        plan = self._parse(question)
        cities = answer.split(" ")
        return len(cities) == len(plan.days) and plan.allows(cities)

    def follows(self, question: str, steps: Sequence[str]) -> bool:
        """See `Kind.follows`."""
        plan = self._parse(question)
        matches = [_STEP.fullmatch(step) for step in steps]
        cities = ["" if m is None else m[3] for m in matches]
        if not set(cities) <= plan.days.keys() or plan.lines(cities) != tuple(steps):
            return False
        return plan.completed(cities) is not None

    def moves(self, question: str, steps: Sequence[str]) -> list[str]:
        """See `Kind.moves`: any flight, whatever day it is."""
        plan = self._parse(question)
        cities = [step.split(" ")[-1] for step in steps]
        onward = [
            city
            for city in plan.days
            if city not in cities and (not cities or (cities[-1], city) in plan.flights)
        ]
        return [plan.lines([*cities, city])[-1] for city in onward]

    def _parse(self, question: str) -> _Plan:
        match = _TRIP.fullmatch(question)
        if match is None:
            raise self.unreadable(question)
        stays = dict(part.split(" ") for part in match[1].split(", "))
        pairs = [part.split("-") for part in match[2].split(", ")]
        flights = frozenset((a, b) for p in pairs for a, b in (p, p[::-1]))
        return _Plan({c: int(d) for c, d in stays.items()}, flights, match[3], int(match[4]))


_CALENDAR = re.compile(r"from (\d+) to (\d+); ((?:\w+ busy [^;]+; )+)meet (\d) hours?")
_BUSY = re.compile(r"(\w+) busy ((?:\d+-\d+, )*\d+-\d+)")


class Calendar(Kind):
    """The earliest slot in which everybody is free."""

    name = "calendar"
    rules = (
        "Find the earliest slot of whole hours within the day in which nobody is busy. Go through "
        "the hours, one a line, such as: 9 ann, for an hour in which ann is busy, or: 10 free. The "
        "answer is the slot, such as: 10-12."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        while True:
            first, length = rng.randint(8, 10), rng.choice((1, 1, 2))
            last = first + rng.randint(6, 8)
            told = [f"from {first} to {last}"]
            for name in rng.sample(NAMES, rng.choice((2, 3))):
                hours = sorted(rng.sample(range(first, last + 1), 4))
                spans = [hours[:2], hours[2:]][: rng.choice((1, 2, 2))]
                told.append(f"{name} busy {', '.join(f'{a}-{b}' for a, b in spans)}")
            question = "; ".join([*told, f"meet {length} hour{'s' * (length > 1)}"])
            if self._slot(question) is not None:
                return question

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        begins = self._slot(question)
        if begins is None:
            raise self.unreadable(question)
        first, _, spans, length = self._parse(question)
        lines = [f"{hour} {_busy(spans, hour) or 'free'}" for hour in range(first, begins + length)]
        return Solution(tuple(lines), f"{begins}-{begins + length}")

    def _slot(self, question: str) -> int | None:
        """When the earliest slot begins."""
        first, last, spans, length = self._parse(question)
        for begins in range(first, last - length + 1):
            if not any(_busy(spans, hour) for hour in range(begins, begins + length)):
                return begins
        return None

    def _parse(self, question: str) -> tuple[int, int, list[tuple[str, int, int]], int]:
        match = _CALENDAR.fullmatch(question)
        if match is None:
            raise self.unreadable(question)
        spans = []
        for part in match[3].removesuffix("; ").split("; "):
            busy = _BUSY.fullmatch(part)
            if busy is None:
                raise self.unreadable(question)
            for span in busy[2].split(", "):
                begins, ends = map(int, span.split("-"))
                spans.append((busy[1], begins, ends))
        return int(match[1]), int(match[2]), spans, int(match[4])


def _busy(spans: Sequence[tuple[str, int, int]], hour: int) -> str:
    """Who is busy in the hour that begins then, the first one named; "" for nobody."""
    return next((name for name, begins, ends in spans if begins <= hour < ends), "")
