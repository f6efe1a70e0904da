"""Isomorphism of small structures, beside networkx and where colours alone do not tell."""

from __future__ import annotations

import random

import networkx
import pytest

from domains.planetarium.isomorphism import Structure, fingerprint, isomorphic


def graph(names, edges, marks=()):
    facts = [("edge", edge) for edge in edges] + [("mark", (name,)) for name in marks]
    return Structure.of(dict.fromkeys(names, "object"), facts)


def test_isomorphism_agrees_with_networkx_on_random_graphs():
    rng = random.Random(15)
    agreed = {True: 0, False: 0}
    for _ in range(300):
        size = rng.randint(2, 6)
        names = "abcdef"[:size]
        pairs = [(a, b) for a in names for b in names]
        edges = rng.sample(pairs, rng.randint(0, min(len(pairs), 8)))
        to = dict(zip(names, rng.sample(names, size), strict=True))
        others = [(to[a], to[b]) for a, b in edges]
        if rng.random() < 0.5 and others:
            others[rng.randrange(len(others))] = rng.choice(pairs)
        ours, theirs = networkx.DiGraph(edges), networkx.DiGraph(others)
        ours.add_nodes_from(names)
        theirs.add_nodes_from(names)
        expected = networkx.is_isomorphic(ours, theirs)
        left, right = graph(names, edges), graph(names, others)
        assert isomorphic(left, right) == expected
        assert not expected or fingerprint(left) == fingerprint(right)
        agreed[expected] += 1
    assert min(agreed.values()) > 20


def test_isomorphism_sees_what_colours_alone_do_not():
    six = "abcdef"
    ring = [(six[i], six[(i + 1) % 6]) for i in range(6)]
    two = [("a", "b"), ("b", "c"), ("c", "a"), ("d", "e"), ("e", "f"), ("f", "d")]
    assert fingerprint(graph(six, ring)) == fingerprint(graph(six, two))
    assert not isomorphic(graph(six, ring), graph(six, two))
    # Many parts that are alike beside the one pair that differs: no search through their orders.
    many = [f"x{i}" for i in range(60)]
    pairs = list(zip(many[::2], many[1::2], strict=True))
    names = [*six, *many]
    assert not isomorphic(graph(names, ring + pairs), graph(names, two + pairs))
    assert isomorphic(graph(names, two + pairs), graph(names[::-1], pairs + two))


def test_isomorphism_keeps_marks_directions_loops_and_bare_facts():
    assert not isomorphic(graph("ab", [("a", "b")], "a"), graph("ab", [("a", "b")], "b"))
    assert isomorphic(graph("ab", [("a", "b")], "a"), graph("ab", [("b", "a")], "b"))
    assert not isomorphic(graph("ab", [("a", "a")]), graph("ab", [("a", "b")]))
    bare = Structure.of({"a": "object"}, [("sun", ())])
    assert not isomorphic(bare, Structure.of({"a": "object"}, []))
    assert not isomorphic(Structure.of({"a": "block"}, []), Structure.of({"a": "ball"}, []))
    with pytest.raises(ValueError, match="about 3 objects"):
        Structure.of(dict.fromkeys("abc", "object"), [("between", ("a", "b", "c"))])
