"""The prefix relation of terminals: whose texts begin with a text of another.

Fixed strings are compared all at once, in their trie; only what is not one is compared in pairs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from potentials.grammar.lark.automata.dfa import DFA, meeting, pairs


@dataclass
class Beginnings:
    """The prefix relation.

    Attributes:
        taken: The texts of each terminal.
        strings: The terminals that are fixed strings.
    """

    taken: dict[str, DFA]
    strings: frozenset[str]
    _starts: dict[tuple[str, str], bool] = field(default_factory=dict)
    _shares: dict[tuple[str, str], bool] = field(default_factory=dict)

    @cached_property
    def _longer(self) -> dict[str, set[str]]:
        """For each string the others that begin with it or are it."""
        names = sorted(self.strings)
        automata = [self.taken[n] for n in names]
        longer: dict[str, set[str]] = {n: set() for n in names}
        for _lead, alive in meeting(automata):
            for i, s in alive:
                if automata[i].accept[s]:
                    longer[names[i]].update(names[j] for j, _t in alive if j != i)
        return longer

    @cached_property
    def _shorter(self) -> dict[str, set[str]]:
        """For each string the others that it begins with or is."""
        shorter: dict[str, set[str]] = {n: set() for n in self.strings}
        for name, others in self._longer.items():
            for other in others:
                shorter[other].add(name)
        return shorter

    @cached_property
    def _expressions(self) -> frozenset[str]:
        return frozenset(self.taken) - self.strings

    def maybe_shorter(self, name: str, among: frozenset[str]) -> Iterable[str]:
        """Return those of some terminals of which a text of this one may begin with a text."""
        return self._near(name, among, self._shorter)

    def maybe_longer(self, name: str, among: frozenset[str]) -> Iterable[str]:
        """Return those of some terminals whose texts may begin with one of this."""
        return self._near(name, among, self._longer)

    def _near(
        self, name: str, among: frozenset[str], strings: dict[str, set[str]]
    ) -> Iterable[str]:
        if name not in self.strings:
            return among - {name}
        return {*(strings[name] & among), *(self._expressions & among)}

    def starts_with(self, name: str, other: str) -> bool:
        """Return whether some text of a terminal starts with (or is) a text of another."""
        if name in self.strings and other in self.strings:
            return other in self._shorter[name]
        key = (name, other)
        if key not in self._starts:
            a, b = self.taken[name], self.taken[other]
            self._starts[key] = any(
                b.accept[t] & (a.accept[s] | a.live_next(s)) for s, t in pairs(a, b)
            )
        return self._starts[key]

    def share_texts(self, name: str, other: str) -> bool:
        """Return whether two terminals have a text in common."""
        if name in self.strings and other in self.strings:
            return other in self._longer[name] and name in self._longer[other]
        key = (min(name, other), max(name, other))
        if key not in self._shares:
            a, b = self.taken[name], self.taken[other]
            self._shares[key] = any(a.accept[s] & b.accept[t] for s, t in pairs(a, b))
        return self._shares[key]

    def sharing_texts(self, name: str) -> list[str]:
        """Return the other terminals that have a text in common with one."""
        near = self.maybe_longer(name, frozenset(self.taken))
        return sorted(t for t in near if self.share_texts(name, t))
