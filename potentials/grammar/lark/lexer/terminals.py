"""The terminals of a grammar as automata over one alphabet, and how llguidance should read them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from potentials.grammar.lark.automata import alphabet as alphabets
from potentials.grammar.lark.automata import re_semantics
from potentials.grammar.lark.automata.alphabet import Alphabet
from potentials.grammar.lark.automata.dfa import DFA, minus, same_language
from potentials.grammar.lark.automata.pattern import Unsupported
from potentials.grammar.lark.automata.rust_regex import spell, spell_dfa
from potentials.grammar.lark.loading import Loaded, Terminal, describe, line_of_terminal
from smc.errors import GrammarError


@dataclass(frozen=True)
class Terminals:
    """What each terminal really takes.

    Attributes:
        alphabet: Shared by all of them.
        taken: For each terminal the texts of which Python takes the longest.
        spelled: For each terminal a regular expression of those for llguidance.
        looking: Those whose match depends on the character after it.
        rewritten: What was rewritten, for people.
    """

    alphabet: Alphabet
    taken: dict[str, DFA]
    spelled: dict[str, str]
    looking: frozenset[str]
    rewritten: tuple[str, ...]

    @cached_property
    def first(self) -> dict[str, int]:
        """For each terminal the mask of the symbols that it can start with."""
        return {name: automaton.first for name, automaton in self.taken.items()}


def understand(loaded: Loaded) -> Terminals:
    """Return the automata of a grammar's terminals.

    Raises:
        GrammarError: If one is not regular, or takes the empty text.
    """
    alphabet = alphabets.build(t.node for t in loaded.terminals.values())
    taken: dict[str, DFA] = {}
    spelled: dict[str, str] = {}
    rewritten: list[str] = []
    for name, terminal in loaded.terminals.items():
        try:
            texts, whole = re_semantics.preferred_or_all(terminal.node, alphabet)
            around = re_semantics.looks_around(terminal.node)
            plain = terminal.is_string or whole
            spelling = spell(terminal.node) if plain else spell_dfa(texts, alphabet)
        except Unsupported as error:
            raise GrammarError(
                f"{_where(terminal, loaded)} {error}. Write it as a regular expression without "
                "that, or put the structure into rules."
            ) from error
        if texts.accept[0]:
            raise GrammarError(
                f"{_where(terminal, loaded)} can match the empty text, which Lark's lexers do not "
                "take. Make it match at least one character, and the place where it stands "
                "optional."
            )
        taken[name] = texts
        if plain or not texts.empty:
            spelled[name] = spelling
        if not plain and not texts.empty:
            rewritten.append(
                f"{describe(terminal)}: written as the texts that Python's order of preference "
                "takes" + (", assertions resolved" if around else "")
            )
    looking = frozenset(
        n for n, d in taken.items() if any(a not in (0, d.all_next) for a in d.accept)
    )
    return Terminals(alphabet, taken, spelled, looking, tuple(rewritten))


def _where(terminal: Terminal, loaded: Loaded) -> str:
    line = line_of_terminal(terminal, loaded.source)
    return f"Grammar, line {line}: terminal {describe(terminal)}"


def spell_lexeme(terminal: str, texts: DFA, terminals: Terminals) -> str:
    """Return the right-hand side of a definition with the texts of a lexeme.

    Whichever is shorter: its own automaton spelled out, or the terminal without the rest.
    """
    whole = terminals.taken[terminal]
    base = f"/{terminals.spelled[terminal]}/"
    if same_language(whole, texts):
        return base
    own = f"/{spell_dfa(texts, terminals.alphabet)}/"
    missing = minus(whole, texts, and_extensions=False)
    if not same_language(minus(whole, missing, and_extensions=False), texts):
        return own
    without = f"{base} & ~/({spell_dfa(missing, terminals.alphabet)})/"
    return min(own, without, key=len)
