"""Shares: what each of several competing terminals takes in Lark's lexer, as a language.

In a context the lexer tries its terminals in a fixed order and takes the first that matches at all,
however short (`Terminal.order`). A string literal that a regular expression matches whole is taken
out of the list, and what the expression matches is turned into it afterwards. So a terminal's
*share* of a context is its own language without (a) the texts that start with one of an earlier
terminal and (b) the literals that are made of it. Among shares the longest match decides alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from potentials.grammar.lark.automata.dfa import DFA, both, either, minus, same_language, union
from potentials.grammar.lark.automata.rust_regex import ANYTHING, spell_dfa
from potentials.grammar.lark.lexer.beginnings import Beginnings
from potentials.grammar.lark.lexer.terminals import Terminals
from potentials.grammar.lark.loading import Loaded, Terminal


@dataclass(frozen=True)
class Share:
    """What a terminal takes in some contexts.

    Attributes:
        terminal: Its name.
        earlier: Terminals tried before it that match the start of some of its texts.
        literals: String literals that its texts are turned into.
        reduced: For a literal, its texts where they are not all its own; None otherwise.
        reduced_by: The terminals that took the others.
    """

    terminal: str
    earlier: tuple[str, ...] = ()
    literals: tuple[str, ...] = ()
    reduced: DFA | None = None
    reduced_by: tuple[str, ...] = ()

    @property
    def rivals(self) -> tuple[str, ...]:
        """Everything that takes some of its texts."""
        return (*self.earlier, *self.literals, *self.reduced_by)

    @property
    def whole(self) -> bool:
        """Whether it is all of the terminal's texts."""
        return not self.earlier and not self.literals and self.reduced is None


@dataclass(frozen=True)
class Order:
    """The terminals of a context as the lexer tries them.

    Attributes:
        names: All of them.
        rank: Place in the order; a literal made of an expression has that expression's place.
        made_of: For each literal the expressions that it is made of, in order.
        taken_out: The literals that are not tried on their own.
        literals_of: For each expression the literals made of it.
    """

    names: frozenset[str]
    rank: dict[str, int]
    made_of: dict[str, tuple[str, ...]]
    taken_out: frozenset[str]
    literals_of: dict[str, tuple[str, ...]]

    @cached_property
    def tried(self) -> frozenset[str]:
        """The terminals that are tried on their own."""
        return self.names - self.taken_out


@dataclass
class ShareTable:
    """Shares of terminals, for any set of terminals that compete."""

    loaded: Loaded
    terminals: Terminals
    _makes: dict[tuple[str, str], bool] = field(default_factory=dict)
    _orders: dict[frozenset[str], Order] = field(default_factory=dict)
    _shares: dict[tuple[frozenset[str], str], Share] = field(default_factory=dict)
    _languages: dict[Share, DFA] = field(default_factory=dict)

    def __post_init__(self) -> None:
        strings = frozenset(n for n, t in self.loaded.terminals.items() if t.is_string)
        self.beginnings = Beginnings(self.terminals.taken, strings)

    def order(self, names: frozenset[str]) -> Order:
        """Return the order of a set of terminals."""
        if names not in self._orders:
            self._orders[names] = self._sorted(names)
        return self._orders[names]

    def share(self, names: frozenset[str], name: str) -> Share:
        """Return what a terminal takes where exactly these terminals are looked for."""
        key = (names, name)
        if key not in self._shares:
            self._shares[key] = self._reckon(self.order(names), name)
        return self._shares[key]

    def language(self, share: Share) -> DFA:
        """Return the texts of a share."""
        if share not in self._languages:
            if share.reduced is not None:
                texts = share.reduced
            else:
                texts = self.terminals.taken[share.terminal]
                if share.earlier:
                    texts = minus(texts, self._union(share.earlier), and_extensions=True)
                if share.literals:
                    texts = minus(texts, self._union(share.literals), and_extensions=False)
            self._languages[share] = texts
        return self._languages[share]

    def spelled(self, share: Share) -> str:
        """Return the right-hand side of a terminal of llguidance with the texts of a share."""
        spelled = self.terminals.spelled
        if share.reduced is not None:
            return f"/{spell_dfa(share.reduced, self.terminals.alphabet)}/"
        looking = [t for t in share.earlier if t in self.terminals.looking]
        if looking:
            return f"/{spell_dfa(self.language(share), self.terminals.alphabet)}/"
        text = f"/{spelled[share.terminal]}/"
        if share.earlier:
            text += f" & ~/({'|'.join(spelled[t] for t in share.earlier)}){ANYTHING}*/"
        if share.literals:
            text += f" & ~/({'|'.join(spelled[t] for t in share.literals)})/"
        return text

    def _union(self, names: tuple[str, ...]) -> DFA:
        automata = [self.terminals.taken[n] for n in names]
        return union(automata, self.terminals.alphabet.size)

    def _makes_literal(self, expression: Terminal, literal: Terminal) -> bool:
        key = (expression.name, literal.name)
        if key not in self._makes:
            match = re.match(expression.regexp, literal.value)
            self._makes[key] = (
                expression.priority == literal.priority
                and match is not None
                and match.group(0) == literal.value
            )
        return self._makes[key]

    def _sorted(self, names: frozenset[str]) -> Order:
        ordered = sorted((self.loaded.terminals[n] for n in names), key=lambda t: t.order)
        rank = {t.name: i for i, t in enumerate(ordered)}
        expressions = [t for t in ordered if not t.is_string]
        made_of: dict[str, tuple[str, ...]] = {}
        taken_out: set[str] = set()
        for literal in ordered:
            if not literal.is_string:
                continue
            sources = [e for e in expressions if self._makes_literal(e, literal)]
            if sources:
                made_of[literal.name] = tuple(e.name for e in sources)
                if any(literal.flags <= e.flags for e in sources):
                    taken_out.add(literal.name)
        for name, sources in made_of.items():
            first = rank[sources[0]]
            rank[name] = first if name in taken_out else min(first, rank[name])
        literals_of: dict[str, list[str]] = {}
        for name in sorted(made_of):
            for source in made_of[name]:
                literals_of.setdefault(source, []).append(name)
        made = {source: tuple(literals) for source, literals in literals_of.items()}
        return Order(names, rank, made_of, frozenset(taken_out), made)

    def _before(self, order: Order, name: str, of: str) -> list[str]:
        """Return what is tried before `of` and matches the start of a text of `name`."""
        limit = self.loaded.terminals[of].order
        near = self.beginnings.maybe_shorter(name, order.tried)
        return sorted(
            t
            for t in near
            if t not in (name, of)
            and self.loaded.terminals[t].order < limit
            and self.beginnings.starts_with(name, t)
        )

    def _reckon(self, order: Order, name: str) -> Share:
        terminal = self.loaded.terminals[name]
        taken = self.terminals.taken
        if not terminal.is_string:
            # Lark has decided to ignore before it looks which literal it is.
            ignored = name in self.loaded.ignore
            made = () if ignored else order.literals_of.get(name, ())
            return Share(name, tuple(self._before(order, name, name)), made)
        parts: list[DFA] = []
        rivals: set[str] = set()
        if name not in order.taken_out:
            part = taken[name]
            for other in self._before(order, name, name):
                rivals.add(other)
                part = minus(part, taken[other], and_extensions=True)
            parts.append(part)
        for source in order.made_of.get(name, ()):
            if source in self.loaded.ignore:
                rivals.add(source)
                continue
            part = both(taken[name], taken[source])
            for other in self._before(order, name, source):
                rivals.add(other)
                part = minus(part, taken[other], and_extensions=True)
            parts.append(part)
        nothing = minus(taken[name], taken[name], and_extensions=False)
        texts = parts[0] if parts else nothing
        for part in parts[1:]:
            texts = either(texts, part)
        if same_language(texts, taken[name]):
            return Share(name)
        return Share(name, reduced=texts, reduced_by=tuple(sorted(rivals)))
