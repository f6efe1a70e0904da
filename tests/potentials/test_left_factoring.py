"""Left factoring: the same texts, derived with fewer alternatives that begin alike."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from potentials.grammar.left_factoring import Body, left_factored

Rules = dict[str, list[Body]]


def texts_of(rules: Rules, longest: int) -> set[Body]:
    """Return all texts of the start symbol up to a length, from below."""
    known: dict[str, set[Body]] = {name: set() for name in rules}
    while True:
        before = sum(map(len, known.values()))
        for name, bodies in rules.items():
            for body in bodies:
                texts: set[Body] = {()}
                for symbol in body:
                    ways = known.get(symbol, {(symbol,)})
                    texts = {a + b for a in texts for b in ways if len(a + b) <= longest}
                known[name] |= texts
        if sum(map(len, known.values())) == before:
            return known["start"]


def random_rules(rng: random.Random) -> Rules:
    names = ["start", "a", "b"]
    symbols = [*names, "x", "y", "z"]
    return {
        name: [tuple(rng.choices(symbols, k=rng.randint(0, 4))) for _ in range(rng.randint(1, 6))]
        for name in names
    }


def test_alternatives_that_begin_alike_share_their_beginning() -> None:
    rules = {"e": [("e", "+", "t"), ("e", "*", "t"), ("t",)], "t": [("n",), ("n", "!")]}
    assert left_factored(rules) == {
        "e": [("e", "f0"), ("t",)],
        "t": [("n",), ("n", "!")],
        "f0": [("+", "t"), ("*", "t")],
    }


def test_what_follows_in_several_rules_is_one_nonterminal() -> None:
    rules = {"a": [("x", "p"), ("x", "q")], "b": [("y", "q"), ("y", "p"), ("y",)]}
    factored = left_factored(rules)
    assert factored["a"] == [("x", "f0")]
    assert factored["b"] == [("y",), ("y", "f0")]
    assert sum(map(len, factored.values())) == 5


@pytest.mark.parametrize("seed", range(40))
def test_a_factored_grammar_has_the_same_texts(seed: int) -> None:
    rules = random_rules(random.Random(seed))
    factored = left_factored(rules)
    assert texts_of(factored, 5) == texts_of({n: list(b) for n, b in rules.items()}, 5)
    for bodies in factored.values():
        beginnings = sorted(bodies)
        # Alternatives begin alike only where one is the beginning of the other.
        assert all(a[:1] != b[:1] or b[: len(a)] == a for a, b in pairwise(beginnings))


def test_a_factored_grammar_that_loses_an_alternative_is_noticed() -> None:
    rules = {"start": [("x", "y"), ("x", "z"), ("x",)]}
    factored = left_factored(rules)
    factored["start"].remove(("x",))
    assert texts_of(factored, 5) != texts_of(rules, 5)
