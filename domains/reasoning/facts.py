"""Puzzles of given facts: chains of a made-up ontology, two-hop look-up, yes or no."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from itertools import pairwise

from domains.reasoning.kind import Kind, Solution

NOUNS = (
    "wumpus", "yumpus", "zumpus", "dumpus", "rompus", "numpus", "tumpus", "vumpus", "impus",
    "jompus", "lorpus", "grimpus",
)  # fmt: skip
NAMES = ("ann", "bob", "cleo", "dan", "eve", "finn", "gina", "hugo", "ida", "jon")
CITIES = (
    "riga", "oslo", "rome", "bern", "kiev", "lima", "cairo", "paris", "turin", "porto", "ghent",
    "split",
)  # fmt: skip
COUNTRIES = ("avalon", "brobia", "cordia", "drovia", "elbonia", "fredon", "gondal", "hetia")
THINGS = ("crate", "ladder", "piano", "stove", "desk", "sofa", "chest", "bench")

_ONTOLOGY = re.compile(r"((?:\w+ is (?:not )?\w+; )+)(\w+) is (\w+); is \2 (\w+)\?")


class Ontology(Kind):
    """Whether something is of a kind, by a chain of rules among others that lead elsewhere."""

    name = "ontology"
    rules = (
        "Follow the rules from what is said of the individual, one conclusion a line. The answer "
        "is yes or no."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        hops, name = rng.randint(2, 4), rng.choice(NAMES)
        chain = rng.sample(NOUNS, hops + 3)
        chain, others = chain[: hops + 1], chain[hops + 1 :]
        denied = rng.random() < 0.5
        rules = [f"{a} is {b}" for a, b in pairwise(chain[:-1])]
        rules.append(f"{chain[-2]} is {'not ' * denied}{chain[-1]}")
        # Others begin where the chain does not come by, or end where nobody asks.
        rules.append(f"{others[0]} is {'not ' * (rng.random() < 0.5)}{chain[-1]}")
        rules.append(f"{others[1]} is {rng.choice(chain[1:])}")
        rng.shuffle(rules)
        return "; ".join([*rules, f"{name} is {chain[0]}", f"is {name} {chain[-1]}?"])

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        match = _ONTOLOGY.fullmatch(question)
        if match is None:
            raise self.unreadable(question)
        told, name, at, goal = match.groups()
        rules = told.removesuffix("; ").split("; ")
        onward: dict[str, str] = dict(rule.split(" is ", 1) for rule in rules)
        lines = [f"{name} is {at}"]
        for _ in rules:
            if at not in onward or goal in (at, at.removeprefix("not ")):
                break
            at = onward[at]
            lines.append(f"{name} is {at}")
        if at not in (goal, f"not {goal}"):
            raise self.unreadable(question)
        return Solution(tuple(lines), "yes" if at == goal else "no")


class Lookup(Kind):
    """Facts of who lives where and what lies where; a question of two hops."""

    name = "lookup"
    rules = "Find the country of the person, one fact a line. The answer is the country."

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        people, cities = rng.sample(NAMES, 3), rng.sample(CITIES, 4)
        countries = [rng.choice(COUNTRIES) for _ in cities]
        homes = [rng.choice(cities) for _ in people]
        facts = [f"{p} lives in {c}" for p, c in zip(people, homes, strict=True)]
        facts += [f"{c} is in {n}" for c, n in zip(cities, countries, strict=True)]
        rng.shuffle(facts)
        return "; ".join([*facts, f"country of {rng.choice(people)}?"])

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        match = re.fullmatch(r".*; country of (\w+)\?", question)
        homes: Mapping[str, str] = dict(re.findall(r"(\w+) lives in (\w+)", question))
        places: Mapping[str, str] = dict(re.findall(r"(\w+) is in (\w+)", question))
        if match is None or homes.get(match[1]) not in places:
            raise self.unreadable(question)
        city = homes[match[1]]
        country = places[city]
        return Solution((f"{match[1]} lives in {city}", f"{city} is in {country}"), country)


_CARRY = re.compile(r"(.*); van carries (\d+); can it carry (\w+) and (\w+)\?")
_MEET = re.compile(r"(.*); could (\w+) and (\w+) meet\?")
_SPAN = re.compile(r"(\w+) lived (\d+) to (\d+)")


class YesNo(Kind):
    """Yes or no from facts, by a step that the question does not name: a sum, an overlap."""

    name = "yes-no"
    rules = (
        "Decide by the facts, one conclusion a line. People could meet if one was born before the "
        "other died. The answer is yes or no."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        if rng.random() < 0.5:
            things = rng.sample(THINGS, 3)
            weights = [rng.randint(5, 45) for _ in things]
            facts = [f"{t} weighs {w}" for t, w in zip(things, weights, strict=True)]
            limit = sum(weights[:2]) + rng.choice((-9, -4, -2, -1, 0, 1, 3, 8))
            asked = f"van carries {limit}; can it carry {things[0]} and {things[1]}?"
        else:
            people = rng.sample(NAMES, 3)
            born = [rng.randint(1801, 1890) for _ in people]
            born[1] = born[0] + rng.randint(10, 80)
            died = [b + rng.randint(20, 60) for b in born]
            spans = zip(people, born, died, strict=True)
            facts = [f"{p} lived {b} to {d}" for p, b, d in spans]
            one, other = rng.sample(people[:2], 2)
            asked = f"could {one} and {other} meet?"
        rng.shuffle(facts)
        return "; ".join([*facts, asked])

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        if (match := _CARRY.fullmatch(question)) is not None:
            facts, limit, one, other = match.groups()
            weights = dict(re.findall(r"(\w+) weighs (\d+)", facts))
            if one not in weights or other not in weights or one == other:
                raise self.unreadable(question)
            total = int(weights[one]) + int(weights[other])
            fits = total <= int(limit)
            lines = (
                f"{one} and {other} weigh {weights[one]}+{weights[other]}={total}",
                f"{total} is {'not ' * (not fits)}at most {limit}",
            )
            return Solution(lines, "yes" if fits else "no")
        match = _MEET.fullmatch(question)
        lives = {name: (int(born), int(died)) for name, born, died in _SPAN.findall(question)}
        if match is None or not {match[2], match[3]} <= lives.keys() or match[2] == match[3]:
            raise self.unreadable(question)
        earlier, later = sorted(match.groups()[1:], key=lambda name: lives[name])
        born, died = lives[later][0], lives[earlier][1]
        meets = born < died
        lines = (
            f"{later} was born in {born}",
            f"{earlier} died in {died}",
            f"{born} is {'not ' * (not meets)}before {died}",
        )
        return Solution(lines, "yes" if meets else "no")
