"""LR(0) automata: sets of items, and the transitions between them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from potentials.grammar.lark.productions import Rules, Symbol


@dataclass(frozen=True, eq=False)
class Production:
    """A production, itself and no other of the same symbols.

    Attributes:
        name: The nonterminal.
        body: Its symbols.
        first_item: The number of the item with the dot in front; the dot moves by one.
    """

    name: str
    body: tuple[Symbol, ...]
    first_item: int

    @cached_property
    def symbols(self) -> tuple[str, ...]:
        """The names of its symbols."""
        return tuple(symbol for symbol, _terminal in self.body)

    @property
    def key(self) -> tuple[str, tuple[str, ...]]:
        """Its name and symbols."""
        return self.name, self.symbols

    def __str__(self) -> str:
        return f"<{self.name} : {' '.join(self.symbols)}>"


@dataclass(frozen=True)
class LR0Automaton:
    """States and transitions; state 0 is the start.

    Attributes:
        productions: By nonterminal.
        shifts: For each state, by terminal the next state.
        gotos: For each state, by nonterminal the next state.
    """

    productions: dict[str, tuple[Production, ...]]
    shifts: tuple[dict[str, int], ...]
    gotos: tuple[dict[str, int], ...]


def lr0_automaton(rules: Rules, start: str) -> LR0Automaton:
    """Return the automaton of a grammar.

    Args:
        rules: Productions.
        start: The start symbol.
    """
    productions: dict[str, tuple[Production, ...]] = {}
    after_dot: list[Symbol | None] = []
    for name, bodies in rules.items():
        made: list[Production] = []
        for body in bodies:
            made.append(Production(name, body, len(after_dot)))
            after_dot += [*body, None]
        productions[name] = tuple(made)
    # The item of the whole text, which begins with the start symbol and is never reduced.
    root = len(after_dot)
    after_dot += [(start, False), None]
    leftmost = _leftmost(rules)
    initial = {n: [p.first_item for p in made] for n, made in productions.items()}
    shifts: list[dict[str, int]] = []
    gotos: list[dict[str, int]] = []
    kernels: dict[tuple[int, ...], int] = {(root,): 0}
    queue: list[tuple[int, ...]] = [(root,)]
    for kernel in queue:
        opened: dict[str, None] = {}
        for item in kernel:
            symbol = after_dot[item]
            if symbol is not None and not symbol[1]:
                opened.update(leftmost[symbol[0]])
        items = [*kernel, *(item for name in opened for item in initial[name])]
        moved: dict[Symbol, list[int]] = {}
        for item in items:
            symbol = after_dot[item]
            if symbol is not None:
                moved.setdefault(symbol, []).append(item + 1)
        rows: tuple[dict[str, int], dict[str, int]] = ({}, {})
        for (name, terminal), then in moved.items():
            following = tuple(sorted(then))
            if following not in kernels:
                kernels[following] = len(queue)
                queue.append(following)
            rows[terminal][name] = kernels[following]
        gotos.append(rows[False])
        shifts.append(rows[True])
    return LR0Automaton(productions, tuple(shifts), tuple(gotos))


def _leftmost(rules: Rules) -> dict[str, dict[str, None]]:
    """Return for each nonterminal those that some text of it may begin with, itself first."""
    direct = {
        name: dict.fromkeys(body[0][0] for body in bodies if body and not body[0][1])
        for name, bodies in rules.items()
    }
    out: dict[str, dict[str, None]] = {}
    for name in rules:
        reached = {name: None}
        for now in (queue := [name]):
            new = [n for n in direct[now] if n not in reached]
            reached |= dict.fromkeys(new)
            queue += new
        out[name] = reached
    return out
