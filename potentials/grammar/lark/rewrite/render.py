"""Rendering of rewritten productions: llguidance's text, and the list of what changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from potentials.grammar.lark.automata.dfa import DFA
from potentials.grammar.lark.automata.rust_regex import spell_set
from potentials.grammar.lark.lexer.shares import Share, ShareTable
from potentials.grammar.lark.lexer.terminals import spell_lexeme
from potentials.grammar.lark.loading import describe
from potentials.grammar.lark.productions import Rules, reduce_rules
from potentials.grammar.lark.rewrite import emit
from potentials.grammar.lark.rewrite.merging import LexemeGrammar
from potentials.grammar.lark.rewrite.shrinking import START, Productions


@dataclass(frozen=True)
class Rendered:
    """A grammar in llguidance's dialect.

    Attributes:
        text: The grammar.
        rewrites: What was rewritten, for people to read.
    """

    text: str
    rewrites: tuple[str, ...]


def over_shares(
    grammar: LexemeGrammar[Share], ignored: tuple[Share, ...], shares: ShareTable
) -> Rendered | None:
    """Write productions over shares of terminals; None if they have no sentence.

    Args:
        grammar: The productions.
        ignored: The shares of ignored terminals.
        shares: The terminals.
    """
    terminals = shares.loaded.terminals
    all_shares = {name: lexeme.texts for name, lexeme in grammar.lexemes.items()}
    empty = frozenset(n for n, share in all_shares.items() if shares.language(share).empty)
    rules, _dropped = reduce_rules(grammar.rules, grammar.start, empty)
    if grammar.start not in rules:
        return None
    lexemes = {n: shares.spelled(all_shares[n]) for n in _used(rules, all_shares)}
    ignore: list[str] = []
    for share in ignored:
        if not shares.language(share).empty:
            name = f"ignored {share.terminal}"
            lexemes[name] = shares.spelled(share)
            ignore.append(name)
    rewrites = [
        f"{describe(terminals[share.terminal])}: without the texts that Lark gives to "
        f"{', '.join(share.rivals)}"
        for share in all_shares.values()
        if not share.whole
    ]
    if ignored:
        rewrites.append("ignored terminals are skipped before and after everything, too")
    return Rendered(emit.write(rules, grammar.start, lexemes, ignore), tuple(rewrites))


def over_lexemes(grammar: LexemeGrammar[DFA], shares: ShareTable) -> Rendered | None:
    """Write productions over pieces of terminals, what is ignored among them; None as above."""
    if grammar.start not in grammar.rules:
        return None
    terminals = shares.terminals
    lexemes = {
        n: spell_lexeme(grammar.lexemes[n].terminal, grammar.lexemes[n].texts, terminals)
        for n in _used(grammar.rules, grammar.lexemes)
    }
    whole = {x.terminal for x in grammar.lexemes.values() if x.texts == terminals.taken[x.terminal]}
    cut = sorted({x.terminal for x in grammar.lexemes.values()} - whole)
    rewrites = (
        (f"{', '.join(cut)}: cut into lexemes, so that longest match never has to back up",)
        if cut
        else ()
    )
    return Rendered(emit.write(grammar.rules, grammar.start, lexemes), rewrites)


def over_characters(productions: Productions, shares: ShareTable) -> Rendered | None:
    """Write productions over classes of characters; None as above."""
    if not productions:
        return None
    alphabet = shares.terminals.alphabet
    masks = sorted({~s for bodies in productions.values() for b in bodies for s in b if s < 0})
    lexemes = {f"c{m:x}": f"/{spell_set(alphabet.ranges(m))}/" for m in masks}
    names = {symbol: f"s{i}" for i, symbol in enumerate(productions)}
    rules: Rules = {
        names[symbol]: tuple(
            tuple((f"c{~s:x}", True) if s < 0 else (names[s], False) for s in body)
            for body in bodies
        )
        for symbol, bodies in productions.items()
    }
    rewrites = ("terminals spelled out in characters, each to end where Lark ends it",)
    return Rendered(emit.write(rules, names[START], lexemes), rewrites)


def _used(rules: Rules, names: Iterable[str]) -> list[str]:
    used = {n for ps in rules.values() for p in ps for n, terminal in p if terminal}
    return [n for n in names if n in used]
