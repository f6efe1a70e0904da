"""Classes of property names: which patterns match them, and how many names there are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from potentials.grammar.lark.automata import alphabet as alphabets
from potentials.grammar.lark.automata import dfa, re_semantics
from potentials.grammar.lark.automata.alphabet import Alphabet
from potentials.grammar.lark.automata.charset import UNIVERSE
from potentials.grammar.lark.automata.dfa import DEAD, DFA
from potentials.grammar.lark.automata.pattern import Chars, Repeat
from potentials.grammar.schema import strings
from potentials.grammar.schema.atoms import Atom, Disjunct
from smc.errors import GrammarError

_MOST_PATTERNS = 6
_FEW = 32
_ANY_TEXT = Repeat(Chars(UNIVERSE), 0, None, False)


@dataclass(frozen=True)
class NameClass:
    """Names that the same patterns match, without those that the schema names.

    Attributes:
        matching: The patterns.
        lexemes: How they are spelled, in quotes, in llguidance's dialect.
        few: All of them, where they are few.
        roomy: Whether every beginning of a name goes on in names without end, so that none is
            used up by the names that an object already has.
    """

    matching: frozenset[str]
    lexemes: tuple[str, ...]
    few: tuple[str, ...] | None
    roomy: bool


def allowed(kinds: Sequence[Disjunct], name: str) -> bool:
    """Return whether a name meets what is demanded of names."""
    return any(all(strings.holds(atom, name) for atom in atoms) for atoms in kinds)


def classes(
    patterns: Sequence[str], kinds: Sequence[Disjunct], known: Sequence[str]
) -> Iterator[NameClass]:
    """Yield the classes of names that are not empty.

    Args:
        patterns: That a value's schema depends on.
        kinds: What is demanded of every name, in one of these ways.
        known: Names that are spelled apart.
    """
    if len(patterns) > _MOST_PATTERNS:
        raise GrammarError(
            f"JSONSchema: an object has {len(patterns)} `patternProperties` that may overlap; at "
            f"most {_MOST_PATTERNS} are enforced. Put several into one pattern."
        )
    for signs in product((True, False), repeat=len(patterns)):
        chosen = [Atom("pattern", p, sign) for p, sign in zip(patterns, signs, strict=True)]
        matching = frozenset(p for p, sign in zip(patterns, signs, strict=True) if sign)
        atoms = [frozenset([*kind, *chosen]) for kind in kinds]
        few, roomy = _measured(atoms, known)
        if few == ():
            continue
        unknown = [Atom("in", tuple(known), False)] if known else []
        lexemes = tuple(x for a in atoms if (x := strings.lexeme([*a, *unknown])) is not None)
        if lexemes:
            yield NameClass(matching, lexemes, few, roomy)


def _measured(
    kinds: Sequence[Disjunct], known: Sequence[str]
) -> tuple[tuple[str, ...] | None, bool]:
    """Return all names where they are few, and whether there is always room for another."""
    if any(not kind for kind in kinds):
        return None, True
    listed = [strings.enumerated(kind) for kind in kinds]
    if all(names is not None for names in listed):
        texts = dict.fromkeys(name for names in listed for name in names or ())
        return tuple(name for name in texts if name not in known), False
    trees = {atom: strings.tree(atom) for kind in kinds for atom in kind}
    alphabet = alphabets.build([_ANY_TEXT, *trees.values()])
    few: dict[str, None] = {}
    roomy, many = True, False
    for kind in kinds:
        automaton = re_semantics.language(_ANY_TEXT, alphabet)
        for atom in kind:
            other = re_semantics.language(trees[atom], alphabet)
            automaton = (
                dfa.both(automaton, other)
                if atom.positive
                else dfa.minus(automaton, other, and_extensions=False)
            )
        if automaton.empty:
            continue
        roomy = roomy and _always_endless(automaton)
        texts = _texts(automaton, alphabet)
        many = many or texts is None
        few.update(dict.fromkeys(texts or ()))
    if many or len(few) > _FEW + len(known):
        return None, roomy
    return tuple(name for name in few if name not in known), False


def _always_endless(automaton: DFA) -> bool:
    """Return whether every state leads into a loop."""
    heights = _heights(automaton)
    return all(h is None for h in heights)


def _heights(automaton: DFA) -> list[int | None]:
    """For each state, the longest text to come; None where there is no longest."""
    count = len(automaton.steps)
    heights: list[int | None] = [None] * count
    left = [len({t for t in row if t != DEAD}) for row in automaton.steps]
    into: list[set[int]] = [set() for _ in range(count)]
    for s, row in enumerate(automaton.steps):
        for to in set(row) - {DEAD}:
            into[to].add(s)
    todo = [s for s in range(count) if not left[s]]
    while todo:
        s = todo.pop()
        after = [heights[t] for t in automaton.steps[s] if t != DEAD]
        heights[s] = 1 + max((h for h in after if h is not None), default=-1)
        for before in into[s]:
            left[before] -= 1
            if not left[before]:
                todo.append(before)
    return heights


def _texts(automaton: DFA, alphabet: Alphabet) -> list[str] | None:
    """Return all texts of an automaton; None if there are more than a few."""
    if _heights(automaton)[0] is None:
        return None
    out: list[str] = []
    stack = [(0, "")]
    while stack:
        state, text = stack.pop()
        if automaton.accept[state]:
            out.append(text)
        for x, to in enumerate(automaton.steps[state]):
            if to != DEAD:
                for low, high in alphabet.symbols[x]:
                    if high - low + len(stack) > 8 * _FEW:
                        return None
                    stack += [(to, text + chr(code)) for code in range(low, high + 1)]
        if len(out) > _FEW:
            return None
    return sorted(out)
