"""Bin packing: items to be put into a few bins of one size."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache

from domains.reasoning.kind import Kind, Solution

Items = tuple[int, ...]
"""In descending order."""

_QUESTION = re.compile(r"items ((?:\d+ )+)in (\d) bins of (\d+)")
_STEP = re.compile(r"bin ((?:\d+ )+)sum (\d+)")


class Packing(Kind):
    """Items, all to be packed into bins that hold no more than their size."""

    name = "packing"
    rules = (
        "Put every item into one of the bins; no bin may hold more than its size in sum. Write one "
        "bin a line, such as: bin 7 3 sum 10. The answer is the bins, separated by ' / ', such as: "
        "7 3 / 6 4."
    )

    def generate(self, rng: random.Random) -> str:
        """See `Kind.generate`."""
        bins, size = rng.choice((2, 2, 3)), rng.randint(9, 15)
        items: list[int] = []
        for _ in range(bins):
            full = size - (rng.random() < 0.3)
            cuts = sorted(rng.sample(range(1, full), rng.choice((1, 2))))
            items += [b - a for a, b in zip([0, *cuts], [*cuts, full], strict=True)]
        rng.shuffle(items)
        return f"items {' '.join(map(str, items))} in {bins} bins of {size}"

    def solve(self, question: str) -> Solution:
        """See `Kind.solve`."""
        items, bins, size = self._parse(question)
        if not packable(items, bins, size):
            raise self.unreadable(question)
        packed: list[Items] = []
        while items:
            items, chosen = next(
                (rest, chosen)
                for chosen, rest in _fillings(items, size)
                if packable(rest, bins - len(packed) - 1, size)
            )
            packed.append(chosen)
        told = [" ".join(map(str, chosen)) for chosen in packed]
        lines = [f"bin {text} sum {sum(own)}" for text, own in zip(told, packed, strict=True)]
        return Solution(tuple(lines), " / ".join(told))

    def is_right(self, question: str, answer: str) -> bool:
        """See `Kind.is_right`; bins and items stand in any order."""
        items, bins, size = self._parse(question)
        parts = answer.split(" / ")
        if not all(re.fullmatch(r"[1-9]\d{0,2}( [1-9]\d{0,2})*", part) for part in parts):
            return False
        packed = [list(map(int, part.split())) for part in parts]
        fits = len(packed) <= bins and all(sum(own) <= size for own in packed)
        return fits and Counter(items) == Counter(n for own in packed for n in own)

    def follows(self, question: str, steps: Sequence[str]) -> bool:
        """See `Kind.follows`."""
        items, bins, size = self._parse(question)
        left = Counter(items)
        for step in steps:
            match = _STEP.fullmatch(step)
            if match is None:
                return False
            chosen = list(map(int, match[1].split()))
            if step != f"bin {' '.join(map(str, chosen))} sum {sum(chosen)}" or sum(chosen) > size:
                return False
            left.subtract(chosen)
            if min(left.values()) < 0:
                return False
        rest = tuple(sorted(left.elements(), reverse=True))
        return packable(rest, bins - len(steps), size)

    def moves(self, question: str, steps: Sequence[str]) -> list[str]:
        """See `Kind.moves`: with the largest item left, as the solver packs."""
        items, _, size = self._parse(question)
        left = Counter(items)
        for step in steps:
            left.subtract(map(int, step.split(" sum ")[0].split()[1:]))
        rest = tuple(sorted(left.elements(), reverse=True))
        found = [chosen for chosen, _ in _fillings(rest, size)] if rest else []
        return [f"bin {' '.join(map(str, own))} sum {sum(own)}" for own in found]

    def statements(self, question: str) -> tuple[str, ...]:
        """Return pairs of items that fill a bin."""
        items, _, size = self._parse(question)
        pairs = [(a, b) for k, a in enumerate(items) for b in items[k + 1 :] if a + b == size]
        return tuple(f"{a}+{b}={size}" for a, b in dict.fromkeys(pairs))

    def _parse(self, question: str) -> tuple[Items, int, int]:
        match = _QUESTION.fullmatch(question)
        if match is None:
            raise self.unreadable(question)
        return tuple(sorted(map(int, match[1].split()), reverse=True)), int(match[2]), int(match[3])


@lru_cache(maxsize=100_000)
def packable(items: Items, bins: int, size: int) -> bool:
    """Return whether items fit into so many bins of a size."""
    if not items:
        return bins >= 0
    if bins < 1 or sum(items) > bins * size:
        return False
    return any(packable(rest, bins - 1, size) for _, rest in _fillings(items, size))


def _fillings(items: Items, size: int) -> Iterator[tuple[Items, Items]]:
    """Yield fillings of a bin with the largest item, fuller ones first; and what is left."""
    first, others = items[0], items[1:]
    found: dict[Items, Items] = {}
    for mask in range(2 ** len(others)):
        chosen = tuple(n for k, n in enumerate(others) if mask >> k & 1)
        if first + sum(chosen) <= size:
            left = tuple(n for k, n in enumerate(others) if not mask >> k & 1)
            found.setdefault((first, *chosen), left)
    yield from sorted(found.items(), key=lambda pair: (-sum(pair[0]), pair[0]))
