"""Isomorphism of finite structures: are they the same but for the names of their objects?

Colours are refined until objects of a colour have like neighbours (Weisfeiler and Leman); what is
still alike falls into parts that do not touch, which are matched one by one; within a part one
object is singled out and the refinement goes on. Parts make this fast where a plain search
would try every order of things that are alike: balls in a room, towers of a height.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

Colours = Mapping[str, bytes]


@dataclass(frozen=True)
class Structure:
    """Objects, and labelled facts about none, one or two of them.

    Attributes:
        facts: Labels of the facts about no object.
        kinds: Object -> labels of the facts about it alone, sorted.
        links: Object -> (label, direction, other object) for each fact about the two.
    """

    facts: frozenset[str]
    kinds: Mapping[str, tuple[str, ...]]
    links: Mapping[str, tuple[tuple[str, str], ...]]

    @classmethod
    def of(
        cls, objects: Mapping[str, str], facts: Iterable[tuple[str, tuple[str, ...]]]
    ) -> Structure:
        """Return the structure of labelled facts.

        Args:
            objects: Object -> its type.
            facts: (label, the objects that it is about, at most two); repetitions do not count.

        Raises:
            ValueError: A fact is about more than two objects.
        """
        bare: set[str] = set()
        kinds: dict[str, list[str]] = {name: [f"type {kind}"] for name, kind in objects.items()}
        links: dict[str, list[tuple[str, str]]] = {name: [] for name in objects}
        for label, about in set(facts):
            if not about:
                bare.add(label)
            elif len(set(about)) == 1:
                kinds[about[0]].append(f"{label} {len(about)}")
            elif len(about) == 2:
                first, second = about
                links[first].append((f"{label} >", second))
                links[second].append((f"{label} <", first))
            else:
                raise ValueError(
                    f"isomorphism: {label} is about {len(about)} objects; expected at most 2."
                )
        return cls(
            frozenset(bare),
            {name: tuple(sorted(labels)) for name, labels in kinds.items()},
            {name: tuple(ends) for name, ends in links.items()},
        )

    def within(self, names: frozenset[str]) -> Structure:
        """Return the part of the structure that is about these objects alone."""
        return Structure(
            frozenset(),
            {name: self.kinds[name] for name in names},
            {name: tuple(x for x in self.links[name] if x[1] in names) for name in names},
        )


def isomorphic(left: Structure, right: Structure) -> bool:
    """Return whether some bijection of the objects takes the facts of one to those of the other."""
    if left.facts != right.facts or len(left.kinds) != len(right.kinds):
        return False
    return _match(left, _start(left), right, _start(right))


def fingerprint(structure: Structure) -> bytes:
    """Return a digest that isomorphic structures share; others may share it too, but rarely do."""
    colours = _refined(structure, _start(structure))
    return _digest((sorted(structure.facts), sorted(colours.values())))


def _start(structure: Structure) -> dict[str, bytes]:
    return {name: _digest(kinds) for name, kinds in structure.kinds.items()}


def _refined(structure: Structure, colours: Colours) -> dict[str, bytes]:
    """Return the coarsest finer colouring in which a colour tells how many links go to which.

    The colours come from the structure alone and not from names, so that those of two isomorphic
    structures are the same.
    """
    now, count = dict(colours), len(set(colours.values()))
    while True:
        now = {
            name: _digest((colour, sorted((how, now[to]) for how, to in structure.links[name])))
            for name, colour in now.items()
        }
        finer = len(set(now.values()))
        if finer == count:
            return now
        count = finer


def _match(left: Structure, left_start: Colours, right: Structure, right_start: Colours) -> bool:
    """Return whether a bijection exists that keeps links and colours."""
    left_colours, right_colours = _refined(left, left_start), _refined(right, right_start)
    sizes = Counter(left_colours.values())
    if sizes != Counter(right_colours.values()):
        return False
    # An object alone in its colour has its image; the colours of the others know its links.
    left_parts = _parts(left, {n for n, c in left_colours.items() if sizes[c] > 1})
    right_parts = _parts(right, {n for n, c in right_colours.items() if sizes[c] > 1})
    if len(left_parts) != len(right_parts):
        return False
    if len(left_parts) == 1:
        return _match_part(
            left.within(left_parts[0]), left_colours, right.within(right_parts[0]), right_colours
        )
    # Being isomorphic is transitive: the first part that matches is as good as any.
    waiting: dict[Hashable, list[Structure]] = defaultdict(list)
    for names in right_parts:
        waiting[_palette(names, right_colours)].append(right.within(names))
    for names in left_parts:
        part = left.within(names)
        candidates = waiting[_palette(names, left_colours)]
        for candidate in candidates:
            if _match_part(part, left_colours, candidate, right_colours):
                candidates.remove(candidate)
                break
        else:
            return False
    return True


def _match_part(
    left: Structure, left_colours: Colours, right: Structure, right_colours: Colours
) -> bool:
    """Match two connected parts: single out an object here, and try each like it there."""
    sizes = Counter(left_colours[name] for name in left.kinds)
    colour = min(sizes, key=lambda c: (sizes[c], c))
    chosen = next(name for name in left.kinds if left_colours[name] == colour)
    ours = {name: left_colours[name] for name in left.kinds} | {chosen: b"chosen"}
    theirs = {name: right_colours[name] for name in right.kinds}
    return any(
        _match(left, ours, right, theirs | {name: b"chosen"})
        for name, other in theirs.items()
        if other == colour
    )


def _parts(structure: Structure, names: set[str]) -> list[frozenset[str]]:
    """Return the connected parts of the structure when only these objects are left."""
    left, parts = set(names), []
    while left:
        part, waiting = set(), [left.pop()]
        while waiting:
            name = waiting.pop()
            part.add(name)
            for _, to in structure.links[name]:
                if to in left:
                    left.discard(to)
                    waiting.append(to)
        parts.append(frozenset(part))
    return parts


def _palette(names: frozenset[str], colours: Colours) -> tuple[bytes, ...]:
    return tuple(sorted(colours[name] for name in names))


def _digest(value: object) -> bytes:
    return blake2b(repr(value).encode(), digest_size=12).digest()
