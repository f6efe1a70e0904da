"""Strings: disjuncts as lexemes, by intersection and complement of regular languages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from potentials.grammar.lark.automata import pattern
from potentials.grammar.lark.automata.charset import UNIVERSE
from potentials.grammar.lark.automata.pattern import Alt, Chars, Node, Repeat, Seq
from potentials.grammar.schema import formats, spelling
from potentials.grammar.schema.atoms import Atom
from potentials.grammar.schema.ecma import ecma_pattern
from smc.errors import GrammarError


def holds(atom: Atom, text: str) -> bool:
    """Return whether an atom holds of a text."""
    if atom.keyword == "in":
        answer = text in atom.value
    elif atom.keyword == "minLength":
        answer = len(text) >= atom.value
    elif atom.keyword == "maxLength":
        answer = len(text) <= atom.value
    elif atom.keyword == "pattern":
        answer = ecma_pattern(atom.value).found_in(text)
    else:
        answer = all(re.fullmatch(p, text) is not None for p in formats.CHECKED[atom.value])
    return answer == atom.positive


def enumerated(atoms: Iterable[Atom]) -> list[str] | None:
    """Return the texts of a disjunct that lists them, in the schema's order; else None."""
    atoms = list(atoms)
    listed = [a.value for a in atoms if a.keyword == "in" and a.positive]
    if not listed:
        return None
    return [t for t in listed[0] if all(holds(a, t) for a in atoms)]


def lexeme(atoms: Iterable[Atom]) -> str | None:
    """Return the lexeme of a disjunct in llguidance's dialect; None if it may be empty."""
    atoms = sorted(set(atoms), key=repr)
    texts = enumerated(atoms)
    if texts is not None:
        return f'/"{spelling.literals(texts)}"/' if texts else None
    low = max((a.value for a in atoms if a.keyword == "minLength"), default=0)
    high = min((a.value for a in atoms if a.keyword == "maxLength"), default=None)
    if high is not None and low > high:
        return None
    sized = low > 0 or high is not None
    parts = [f"/{part}/" for a in atoms if a.positive for part in _matching(a)]
    against = [f"~/{_only(a)}/" for a in atoms if not a.positive]
    if sized or (against and not parts):
        any_one = spelling.spelled_anything()
        parts.append(f'/"{any_one}{{{low},{"" if high is None else high}}}"/')
    return " & ".join([*parts, *against]) if parts else spelling.FREE_STRING


def plain(atoms: Iterable[Atom]) -> bool:
    """Return whether a disjunct's lexeme plainly has a text."""
    return all(a.keyword in ("in", "minLength", "maxLength") and a.positive for a in atoms)


def _matching(atom: Atom) -> list[str]:
    """Return regular expressions that together match the quoted strings an atom holds of."""
    if atom.keyword == "in":
        return [f'"{spelling.literals(atom.value)}"']
    if atom.keyword == "format":
        return [_quoted(_tree(regex)) for regex in formats.CHECKED[atom.value]]
    return [_quoted(tree_of(atom.value))] if atom.keyword == "pattern" else []


def _only(atom: Atom) -> str:
    parts = _matching(atom)
    if len(parts) != 1:
        raise GrammarError(
            f"JSONSchema: the opposite of {atom.keyword} {atom.value!r} is not enforced."
        )
    return parts[0]


def tree_of(source: str) -> Node:
    """Return the tree of the texts in which a pattern is found.

    Raises:
        GrammarError: It has a construct that cannot be carried over.
    """
    try:
        return ecma_pattern(source).whole
    except pattern.Unsupported as error:
        raise GrammarError(
            f"JSONSchema: the pattern {source!r} {error}; there is no exact token mask of it. "
            "Rewrite it without that, or check the document in a `Potential` of your own."
        ) from error


@lru_cache(maxsize=64)
def _tree(regex: str) -> Node:
    return Seq((pattern.parse(f"(?a:{regex})"),))


def _quoted(node: Node) -> str:
    return f'"(?:{spelling.spelled(node)})"'


def tree(atom: Atom) -> Node:
    """Return the tree of the texts that an atom names, whether it wants them or not."""
    if atom.keyword == "in":
        return Alt(tuple(pattern.literal(text) for text in atom.value))
    if atom.keyword == "minLength":
        return Repeat(Chars(UNIVERSE), atom.value, None, False)
    if atom.keyword == "maxLength":
        return Repeat(Chars(UNIVERSE), 0, atom.value, False)
    if atom.keyword == "format":
        # The first is the pattern; the others bound its length, and take no name away for good.
        return _tree(formats.CHECKED[atom.value][0])
    return tree_of(atom.value)
