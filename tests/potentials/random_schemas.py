"""Random JSON schemas and values, of the keywords that interact."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice, permutations, product
from typing import Any

NAMES = ["a", "b", "c", "x1"]
SCALARS = [None, True, False, 0, 1, 2, -1, 1.5, 0.5, "", "a", "ab", "b", "abc", "é"]
TYPES = ["null", "boolean", "integer", "number", "string", "array", "object"]


def random_value(rng: random.Random, depth: int = 2) -> Any:
    """A scalar, or something with parts."""
    draw = rng.random()
    if depth == 0 or draw < 0.5:
        return rng.choice(SCALARS)
    if draw < 0.75:
        return [random_value(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    return {n: random_value(rng, depth - 1) for n in NAMES if rng.random() < 0.4}


def random_schema(rng: random.Random, depth: int = 2) -> Any:
    """A few keywords at once; none is a multiple that engines before llguidance 1.9 get wrong."""
    if rng.random() < 0.06:
        return rng.random() < 0.7

    def inner() -> Any:
        return random_schema(rng, depth - 1)

    def some(least: int, most: int) -> list[Any]:
        return [inner() for _ in range(rng.randint(least, most))]

    def names() -> list[str]:
        return rng.sample(NAMES, rng.randint(1, 2))

    flat = {
        "type": (0.5, lambda: rng.choice([*TYPES, rng.sample(TYPES, 2)])),
        "const": (0.1, lambda: random_value(rng, 1)),
        "enum": (0.12, lambda: [random_value(rng, 1) for _ in range(rng.randint(1, 4))]),
        "minimum": (0.1, lambda: rng.choice([-1, 0, 0.5])),
        "exclusiveMaximum": (0.1, lambda: rng.choice([0, 1, 2, 1.5])),
        "minLength": (0.1, lambda: rng.randint(0, 2)),
        "maxLength": (0.1, lambda: rng.randint(0, 3)),
        "pattern": (0.1, lambda: rng.choice(["^a", "b$", "^[ab]+$", "a|b", "^ab?$", "c"])),
        "minItems": (0.1, lambda: rng.randint(0, 2)),
        "maxItems": (0.1, lambda: rng.randint(0, 3)),
        "uniqueItems": (0.07, lambda: True),
        "required": (0.15, names),
        "dependentRequired": (0.07, lambda: {rng.choice(NAMES): names()}),
        "minProperties": (0.07, lambda: rng.randint(0, 2)),
        "maxProperties": (0.07, lambda: rng.randint(0, 3)),
    }
    deep = {
        "prefixItems": (0.12, lambda: some(1, 2)),
        "items": (0.15, inner),
        "contains": (0.1, inner),
        "minContains": (0.03, lambda: rng.randint(0, 2)),
        "maxContains": (0.03, lambda: rng.randint(1, 2)),
        "unevaluatedItems": (0.05, inner),
        "properties": (0.3, lambda: {n: inner() for n in names()}),
        "patternProperties": (0.15, lambda: {rng.choice(["^a", "^[abc]$", "1$"]): inner()}),
        "additionalProperties": (0.2, inner),
        "unevaluatedProperties": (0.05, inner),
        "propertyNames": (0.08, lambda: rng.choice([{"enum": ["a", "b"]}, {"maxLength": 1}])),
        "dependentSchemas": (0.1, lambda: {rng.choice(NAMES): inner()}),
        "anyOf": (0.12, lambda: some(1, 3)),
        "oneOf": (0.12, lambda: some(1, 3)),
        "allOf": (0.12, lambda: some(1, 2)),
        "not": (0.1, inner),
        "if": (0.1, inner),
        "then": (0.1, inner),
        "else": (0.05, inner),
    }
    chosen = flat if depth == 0 else {**flat, **deep}
    return {key: make() for key, (chance, make) in chosen.items() if rng.random() < chance}


def orders(value: Any, most: int = 2000) -> Iterator[Any]:
    """The same value with its properties in every order, up to a number."""
    yield from islice(_orders(value), most)


def _orders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for names in permutations(value):
            for parts in product(*(list(_orders(value[name])) for name in names)):
                yield dict(zip(names, parts, strict=True))
    elif isinstance(value, list):
        yield from map(list, product(*(list(_orders(part)) for part in value)))
    else:
        yield value
