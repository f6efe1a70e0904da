"""Goals in words: several ways to say each atom, one way a goal."""

from __future__ import annotations

import random
from collections.abc import Mapping

from potentials.pddl import Atom, Problem

PLAIN = 0.5
"""Share of descriptions that say it the plain way, the first; the others take any."""

HEADS = (
    "Your goal is this:",
    "Your goal is to reach the following:",
    "Your goal is to have:",
    "Your goal is a state where all of this holds.",
    "Your goal is as follows.",
)

WAYS: tuple[Mapping[str, str], ...] = (
    {
        "arm-empty": "Your arm should be empty.",
        "holding": "You should be holding {0}.",
        "clear": "{0} should be clear.",
        "on": "{0} should be on {1}.",
        "on-table": "{0} should be on the table.",
        "at": "{0} should be at {1}.",
        "free": "{0} should be free.",
    },
    {
        "arm-empty": "The arm must hold nothing.",
        "holding": "The arm must hold {0}.",
        "clear": "Nothing may stand on {0}.",
        "on": "{0} must stand on {1}.",
        "on-table": "{0} must stand on the table.",
        "at": "{0} must lie in {1}.",
        "free": "{0} must carry nothing.",
    },
    {
        "arm-empty": "The hand is empty.",
        "holding": "{0} is in the hand.",
        "clear": "The top of {0} is clear.",
        "on": "{0} is directly on top of {1}.",
        "on-table": "{0} is at the bottom, on the table.",
        "at": "{0} is in {1}.",
        "free": "{0} is empty.",
    },
    {
        "arm-empty": "Put down what you hold.",
        "holding": "Pick up {0}.",
        "clear": "Leave {0} clear.",
        "on": "Put {0} on {1}.",
        "on-table": "Put {0} on the table.",
        "at": "Bring {0} to {1}.",
        "free": "Leave {0} free.",
    },
)


def describe(rng: random.Random, problem: Problem) -> str:
    """Return the goal of a problem in words, atom by atom in its order."""
    way = WAYS[0] if rng.random() < PLAIN else rng.choice(WAYS)
    between = "\n" if rng.random() < 0.75 else " "
    return between.join([rng.choice(HEADS), *(said(way, atom) for atom in problem.goal)])


def said(way: Mapping[str, str], atom: Atom) -> str:
    """Return an atom in words, in one of the `WAYS`."""
    return way[atom.predicate].format(*atom.args)
