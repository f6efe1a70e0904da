"""Random sentences of a Lark grammar, drawn from its productions and terminals."""

from __future__ import annotations

import random
import re
from re import _parser as sre  # pyright: ignore[reportAttributeAccessIssue]
from typing import Any

from potentials.grammar.lark.loading import Loaded, load

_DEEPEST = 10**6


class SentenceSource:
    """Draws texts that a grammar derives; its lexer may yet read some of them another way.

    Args:
        source: The grammar.
        seed: Of the random numbers.
    """

    def __init__(self, source: str, seed: int) -> None:
        self._loaded: Loaded = load(source, "start", (), None)
        self._rng = random.Random(seed)
        self._depths = self._shortest()

    def sentence(self, depth: int, rule: str = "start") -> str:
        """Return a text whose tree is hardly deeper than asked for."""
        bodies = self._loaded.rules[rule]
        fitting = [b for b in bodies if self._depth(b) < depth]
        if not fitting:
            least = min(map(self._depth, bodies))
            fitting = [b for b in bodies if self._depth(b) == least]
        return "".join(
            self._terminal(name) if terminal else self.sentence(depth - 1, name)
            for name, terminal in self._rng.choice(fitting)
        )

    def _depth(self, body: tuple[tuple[str, bool], ...]) -> int:
        return max((self._depths[n] for n, terminal in body if not terminal), default=0)

    def _shortest(self) -> dict[str, int]:
        """For each rule, the depth of its flattest tree."""
        self._depths = dict.fromkeys(self._loaded.rules, _DEEPEST)
        while True:
            depths = {n: 1 + min(map(self._depth, b)) for n, b in self._loaded.rules.items()}
            if depths == self._depths:
                return depths
            self._depths = depths

    def _terminal(self, name: str) -> str:
        regexp = self._loaded.terminals[name].regexp
        parsed = sre.parse(regexp)
        while True:
            text = self._text(parsed)
            if re.fullmatch(regexp, text):
                return text

    def _text(self, parsed: Any) -> str:
        return "".join(self._part(str(kind), value) for kind, value in parsed)

    def _part(self, kind: str, value: Any) -> str:
        if kind == "LITERAL":
            return chr(value)
        if kind == "NOT_LITERAL":
            return "xy"[value == ord("x")]
        if kind == "IN":
            return self._member(value)
        if kind == "BRANCH":
            return self._text(self._rng.choice(value[1]))
        if kind == "SUBPATTERN":
            return self._text(value[3])
        assert kind == "MAX_REPEAT", kind
        least, most, inner = value
        times = min(int(most), least + self._rng.choice([0] * 9 + [1]))
        return "".join(self._text(inner) for _ in range(times))

    def _member(self, members: list[tuple[Any, Any]]) -> str:
        chars = [chr(v) for k, v in members if str(k) == "LITERAL"]
        ranges = [v for k, v in members if str(k) == "RANGE"]
        if str(members[0][0]) == "NEGATE":
            return next(c for c in "xy" if c not in chars)
        if " " in chars:
            return " "
        return self._rng.choice([*chars, *(chr(self._rng.randint(*r)) for r in ranges)])
