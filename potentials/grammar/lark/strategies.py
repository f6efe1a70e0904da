"""Translation strategies: ways to rewrite a grammar so that llguidance has a language of Lark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from potentials.grammar.lark import lalr
from potentials.grammar.lark.diagnostics import (
    AnalysedGrammar,
    Obstacle,
    changing_ignored,
    doubtful_shares,
    first_obstacle,
    ignored_and_used,
    skipped,
)
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.cutting import Cutter
from potentials.grammar.lark.lexer.follow_sets import earley_contexts
from potentials.grammar.lark.lexer.lalr_contexts import lalr_contexts
from potentials.grammar.lark.lexer.product_automaton import TooLargeError
from potentials.grammar.lark.lexer.shares import Share
from potentials.grammar.lark.productions import reduce_rules
from potentials.grammar.lark.rewrite import render
from potentials.grammar.lark.rewrite.lookahead_labels import LookaheadLabeller
from potentials.grammar.lark.rewrite.render import Rendered
from potentials.grammar.lark.rewrite.scannerless import Speller
from potentials.grammar.lark.rewrite.scannerless_labels import Top
from potentials.grammar.lark.rewrite.shrinking import shrink
from potentials.grammar.lark.rewrite.state_splitting import split, unsplit


@dataclass(frozen=True)
class Rewritten:
    """A grammar with the language of one mode of Lark.

    Attributes:
        mode: The mode, a key of `parsers.MODES`.
        rendered: The grammar; None if it has no sentence.
        settled: Whether Lark settles conflicts of the grammar by itself.
        scannerless: Whether its terminals are single characters.
    """

    mode: str
    rendered: Rendered | None
    settled: bool = False
    scannerless: bool = False


Strategy = Callable[[AnalysedGrammar], Rewritten | Obstacle]


def by_lalr(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `parser="lalr"`, whose lexer is contextual."""
    return _by_strict_lalr(grammar, "lalr")


def by_basic_lalr(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `parser="lalr", lexer="basic"`, which looks for all terminals everywhere."""
    return _by_strict_lalr(grammar, "lalr-basic")


def _by_strict_lalr(grammar: AnalysedGrammar, mode: str) -> Rewritten | Obstacle:
    automaton = _automaton(grammar, strict=True)
    if isinstance(automaton, str):
        return Obstacle(
            f"it is not LALR(1) ({automaton})", None, "Remove the conflict, if LALR is wanted."
        )
    both = ignored_and_used(grammar)
    if both:
        return both
    contexts = _contexts(grammar, automaton, basic=mode == "lalr-basic")
    obstacle = doubtful_shares(grammar, contexts.values())
    if obstacle:
        return obstacle
    obstacle = first_obstacle(grammar, contexts.values(), competing=True)
    obstacle = obstacle or changing_ignored(grammar, contexts.values())
    if obstacle is None:
        lexemes = split(
            grammar.usable.rules, grammar.loaded.start, automaton, contexts, grammar.shares
        )
        names = next(iter(contexts.values())).names
        ignored = tuple(grammar.shares.share(names, n) for n in grammar.loaded.ignore)
        return Rewritten(mode, render.over_shares(lexemes, ignored, grammar.shares))
    if not obstacle.curable:
        return obstacle
    return _in_lexemes(grammar, automaton, contexts, mode) or obstacle


def _automaton(grammar: AnalysedGrammar, *, strict: bool) -> lalr.Automaton | str:
    loaded = grammar.loaded
    return lalr.automaton(loaded.rules, loaded.start, loaded.priorities, strict=strict)


def _contexts(
    grammar: AnalysedGrammar, automaton: lalr.Automaton, *, basic: bool
) -> dict[int, Context]:
    """Return the contexts, only those terminals certain whose productions come to an end."""
    loaded, shares = grammar.loaded, grammar.shares

    def known(viable: lalr.Automaton | None) -> dict[int, Context]:
        return lalr_contexts(loaded, grammar.terminals, automaton, viable=viable, basic=basic)

    contexts = known(_viable(grammar, automaton, frozenset()))
    taking: dict[str, set[bool]] = {}
    for names in {context.names for context in contexts.values()}:
        for name in names:
            share = shares.share(names, name)
            takes = share.whole or not shares.language(share).empty
            taking.setdefault(name, set()).add(takes)
    nowhere = frozenset(n for n, takes in taking.items() if takes == {False})
    if any(len(takes) > 1 for takes in taking.values()):
        return known(None)
    return known(_viable(grammar, automaton, nowhere)) if nowhere else contexts


def _viable(
    grammar: AnalysedGrammar, automaton: lalr.Automaton, nowhere: frozenset[str]
) -> lalr.Automaton | None:
    """Return the automaton of the productions without some terminals."""
    loaded = grammar.loaded
    if not nowhere and not grammar.usable.dropped:
        return automaton
    rules, _dropped = reduce_rules(grammar.usable.rules, loaded.start, nowhere)
    if loaded.start not in rules:
        return None
    viable = lalr.automaton(rules, loaded.start, loaded.priorities, strict=False)
    return None if isinstance(viable, str) else viable


def _in_lexemes(
    grammar: AnalysedGrammar,
    automaton: lalr.Automaton,
    contexts: dict[int, Context],
    mode: str,
) -> Rewritten | None:
    """Rewrite with terminals cut into lexemes; None if that is not enough."""
    ignore = frozenset(grammar.loaded.ignore)
    cutter = Cutter(grammar.shares)
    labeller = LookaheadLabeller(grammar.usable.rules, automaton, contexts, ignore, cutter)
    try:
        lexemes = labeller.label(grammar.loaded.start)
    except TooLargeError:
        return None
    settled = bool(automaton.barred)
    return Rewritten(mode, render.over_lexemes(lexemes, grammar.shares), settled)


def by_dynamic_earley(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for Lark's default: Earley with the dynamic lexer, where terminals do not compete."""
    both = ignored_and_used(grammar)
    if both:
        return both
    rules, loaded = grammar.usable.rules, grammar.loaded
    contexts = earley_contexts(
        loaded, rules, grammar.terminals, grammar.shares.beginnings.sharing_texts
    )
    obstacle = first_obstacle(grammar, contexts, competing=False) or skipped(grammar, contexts)
    if obstacle:
        return obstacle
    lexemes = unsplit(rules, loaded.start, {name: Share(name) for name in loaded.terminals})
    ignored = tuple(Share(name) for name in loaded.ignore)
    return Rewritten("earley-dynamic", render.over_shares(lexemes, ignored, grammar.shares))


def by_basic_earley(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `parser="earley", lexer="basic"`, where terminals compete, but no context."""
    loaded, rules = grammar.loaded, grammar.usable.rules
    everywhere = frozenset(loaded.terminals)
    contexts = [
        replace(context, names=everywhere)
        for context in earley_contexts(loaded, rules, grammar.terminals, lambda _name: ())
    ]
    obstacle = (
        ignored_and_used(grammar)
        or doubtful_shares(grammar, contexts)
        or first_obstacle(grammar, contexts, competing=True)
    )
    if obstacle:
        return obstacle
    shares = {name: grammar.shares.share(everywhere, name) for name in loaded.terminals}
    lexemes = unsplit(rules, loaded.start, shares)
    ignored = tuple(shares[name] for name in loaded.ignore)
    return Rewritten("earley-basic", render.over_shares(lexemes, ignored, grammar.shares))


def by_earley_as_lalr(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `parser="earley", lexer="basic"` by LALR: without conflict it is the same."""
    outcome = _by_strict_lalr(grammar, "lalr-basic")
    return outcome if isinstance(outcome, Obstacle) else replace(outcome, mode="earley-basic")


def by_settled_lalr(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `parser="lalr"` where Lark settles conflicts by itself: shift, or by priority.

    Lark does so without a word, and loses sentences that the grammar has.
    """
    return _by_settled_lalr(grammar, "lalr")


def by_settled_basic_lalr(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for the same with `lexer="basic"`."""
    return _by_settled_lalr(grammar, "lalr-basic")


def _by_settled_lalr(grammar: AnalysedGrammar, mode: str) -> Rewritten | Obstacle:
    automaton = _automaton(grammar, strict=False)
    if isinstance(automaton, str):
        return Obstacle(f"it is not LALR(1) ({automaton})", None, "Remove the conflict.")
    if not automaton.barred:
        return Obstacle("it is not LALR(1) with a conflict", None, "")
    contexts = lalr_contexts(
        grammar.loaded,
        grammar.terminals,
        automaton,
        viable=None,
        basic=mode == "lalr-basic",
    )
    obstacle = (
        ignored_and_used(grammar)
        or doubtful_shares(grammar, contexts.values())
        or first_obstacle(grammar, contexts.values(), competing=True)
    )
    if obstacle and not obstacle.curable:
        return obstacle
    return (
        _in_lexemes(grammar, automaton, contexts, mode)
        or obstacle
        or Obstacle("its conflicts and its terminals are too intricate together", None, "")
    )


def by_characters(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for Lark's default again, terminals spelled out: where they interact in any way."""
    return _by_characters(grammar, "earley-dynamic")


def by_all_readings(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `lexer="dynamic_complete"`, where a terminal may end wherever it matches."""
    for name in sorted(grammar.terminals.looking):
        # Lark asks for a match of all of the text first, and then of shorter and shorter ones.
        return Obstacle(
            f"terminal {name} depends on what comes after it, which lexer='dynamic_complete' "
            "sees in one place and not in another",
            name,
            "Drop the assertion, or take another lexer.",
        )
    return _by_characters(grammar, "earley-dynamic-complete")


def _by_characters(grammar: AnalysedGrammar, mode: str) -> Rewritten | Obstacle:
    terminals, loaded = grammar.terminals, grammar.loaded
    # What is ignored is read as far as it goes, whichever lexer.
    anywhere = frozenset(loaded.terminals) - frozenset(loaded.ignore)
    speller = Speller(
        grammar.usable.rules,
        terminals.taken,
        loaded.ignore,
        terminals.alphabet.size,
        anywhere if mode == "earley-dynamic-complete" else frozenset(),
    )
    try:
        productions = shrink(speller.spell(loaded.start), Top())
    except TooLargeError:
        return Obstacle("spelled out in characters it is too large", None, "Make it smaller.")
    rendered = render.over_characters(productions, grammar.shares)
    return Rewritten(mode, rendered, scannerless=True)


STRATEGIES: dict[str, tuple[Strategy, ...]] = {
    "lalr": (by_lalr, by_settled_lalr),
    "lalr-basic": (by_basic_lalr, by_settled_basic_lalr),
    "earley-dynamic": (by_dynamic_earley, by_characters),
    "earley-dynamic-complete": (by_all_readings,),
    "earley-basic": (by_earley_as_lalr, by_basic_earley),
}
# LALR(1) without conflict, which every parser reads alike but for its lexer; then Lark's default.
BY_DEFAULT: tuple[Strategy, ...] = (by_lalr, *STRATEGIES["earley-dynamic"])
