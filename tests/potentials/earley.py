"""An oracle for masks: which texts begin a sentence, by Earley's algorithm over characters.

It shares nothing with the package: the grammar is a mapping, and terminals are single characters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Item = tuple[str, int, int, int]
"""Symbol, which of its productions, how much of it is read, where it began."""
Chart = tuple[frozenset[Item], ...]


@dataclass(frozen=True)
class Earley:
    """A recogniser; every symbol must derive some text, and none the empty one.

    Attributes:
        rules: By symbol, its productions; of symbols and, where a part is no symbol, of text.
        start: Symbol.
    """

    rules: Mapping[str, Sequence[Sequence[str]]]
    start: str = "start"

    def begin(self) -> Chart:
        """Return the chart of the empty text."""
        items = {(self.start, p, 0, 0) for p in range(len(self._spelt(self.start)))}
        return (self._closed(items, ()),)

    def read(self, chart: Chart, text: str) -> Chart | None:
        """Return the chart after further characters; None where no sentence begins so."""
        for char in text:
            items = {
                (symbol, production, dot + 1, origin)
                for symbol, production, dot, origin in chart[-1]
                if self._next(symbol, production, dot) == char
            }
            if not items:
                return None
            chart = (*chart, self._closed(items, chart))
        return chart

    def complete(self, chart: Chart) -> bool:
        """Whether the text is a sentence."""
        return any(
            symbol == self.start and origin == 0 and dot == len(self._spelt(symbol)[production])
            for symbol, production, dot, origin in chart[-1]
        )

    def _spelt(self, symbol: str) -> list[list[str]]:
        """Productions, text taken apart into characters."""
        return [
            [unit for part in parts for unit in ([part] if part in self.rules else part)]
            for parts in self.rules[symbol]
        ]

    def _next(self, symbol: str, production: int, dot: int) -> str | None:
        parts = self._spelt(symbol)[production]
        return parts[dot] if dot < len(parts) else None

    def _closed(self, items: set[Item], chart: Chart) -> frozenset[Item]:
        here = len(chart)
        found, agenda = set(items), list(items)
        while agenda:
            symbol, production, dot, origin = agenda.pop()
            following = self._next(symbol, production, dot)
            if following is None:
                assert origin < here, "no symbol may derive the empty text"
                new = {
                    (s, p, d + 1, o)
                    for s, p, d, o in chart[origin]
                    if self._next(s, p, d) == symbol
                }
            elif following in self.rules:
                new = {(following, p, 0, here) for p in range(len(self.rules[following]))}
            else:
                new = set()
            agenda += new - found
            found |= new
        return frozenset(found)
