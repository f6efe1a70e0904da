"""Translation strategies: ways to rewrite a grammar so that llguidance has a language of Lark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
from potentials.grammar.lark.lexer.follow_sets import earley_contexts, lalr_contexts
from potentials.grammar.lark.lexer.product_automaton import TooLargeError
from potentials.grammar.lark.lexer.shares import Share
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
        mode: The mode.
        rendered: The grammar; None if it has no sentence.
        settled: Whether Lark settles conflicts of the grammar by itself.
    """

    mode: str
    rendered: Rendered | None
    settled: bool = False


Strategy = Callable[[AnalysedGrammar], Rewritten | Obstacle]


def by_lalr(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `parser="lalr"`, whose lexer is contextual."""
    automaton = lalr.automaton(grammar.loaded, strict=True)
    if isinstance(automaton, str):
        return Obstacle(
            f"it is not LALR(1) ({automaton})", None, "Remove the conflict, if LALR is wanted."
        )
    both = ignored_and_used(grammar)
    if both:
        return both
    contexts = lalr_contexts(
        grammar.loaded, grammar.terminals, automaton, not grammar.usable.dropped
    )
    if _some_share_is_empty(grammar, contexts):
        # Then some productions never come to an end, and what they begin with is not sure to come.
        contexts = lalr_contexts(grammar.loaded, grammar.terminals, automaton, False)
    obstacle = doubtful_shares(grammar, [c.names for c in contexts.values()])
    if obstacle:
        return obstacle
    obstacle = first_obstacle(grammar, contexts.values(), competing=True)
    shares = {
        (state, name): grammar.shares.share(context.names, name)
        for state, context in contexts.items()
        for name in context.names
    }
    obstacle = obstacle or changing_ignored(grammar, shares)
    if obstacle is None:
        rules, start = grammar.usable.rules, grammar.loaded.start
        ignored = {n: s for (_state, n), s in shares.items() if n in grammar.loaded.ignore}
        used = {key: s for key, s in shares.items() if key[1] not in ignored}
        lexemes = split(rules, start, automaton, used)
        ignored_shares = tuple(ignored[n] for n in grammar.loaded.ignore)
        return Rewritten("lalr", render.over_shares(lexemes, ignored_shares, grammar.shares))
    if not obstacle.curable:
        return obstacle
    return _in_lexemes(grammar, automaton, contexts, settled=False) or obstacle


def _in_lexemes(
    grammar: AnalysedGrammar,
    automaton: lalr.Automaton,
    contexts: dict[int, Context],
    *,
    settled: bool,
) -> Rewritten | None:
    """Rewrite with terminals cut into lexemes; None if that is not enough."""
    ignore = frozenset(grammar.loaded.ignore)
    cutter = Cutter(grammar.shares)
    labeller = LookaheadLabeller(grammar.usable.rules, automaton, contexts, ignore, cutter)
    try:
        lexemes = labeller.label(grammar.loaded.start)
    except TooLargeError:
        return None
    return Rewritten("lalr", render.over_lexemes(lexemes, grammar.shares), settled)


def _some_share_is_empty(grammar: AnalysedGrammar, contexts: dict[int, Context]) -> bool:
    shares = {grammar.shares.share(c.names, n) for c in contexts.values() for n in c.names}
    return any(not s.whole and grammar.shares.language(s).empty for s in shares)


def by_dynamic_earley(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for Lark's default: Earley with the dynamic lexer, where terminals do not compete."""
    both = ignored_and_used(grammar)
    if both:
        return both
    rules, loaded = grammar.usable.rules, grammar.loaded
    contexts = earley_contexts(loaded, rules, grammar.terminals, grammar.shares.share_texts)
    obstacle = first_obstacle(grammar, contexts, competing=False) or skipped(grammar, contexts)
    if obstacle:
        return obstacle
    lexemes = unsplit(rules, loaded.start, {name: Share(name) for name in loaded.terminals})
    ignored = tuple(Share(name) for name in loaded.ignore)
    return Rewritten("earley-dynamic", render.over_shares(lexemes, ignored, grammar.shares))


def by_settled_lalr(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for `parser="lalr"` where Lark settles conflicts by itself: shift, or by priority.

    Lark does so without a word, and loses sentences that the grammar has; so Earley goes first.
    """
    automaton = lalr.automaton(grammar.loaded, strict=False)
    if isinstance(automaton, str):
        return Obstacle(f"it is not LALR(1) ({automaton})", None, "Remove the conflict.")
    if not automaton.barred:
        return Obstacle("it is not LALR(1) with a conflict", None, "")
    contexts = lalr_contexts(grammar.loaded, grammar.terminals, automaton, False)
    obstacle = (
        ignored_and_used(grammar)
        or doubtful_shares(grammar, [c.names for c in contexts.values()])
        or first_obstacle(grammar, contexts.values(), competing=True)
    )
    if obstacle and not obstacle.curable:
        return obstacle
    return (
        _in_lexemes(grammar, automaton, contexts, settled=True)
        or obstacle
        or Obstacle("its conflicts and its terminals are too intricate together", None, "")
    )


def by_characters(grammar: AnalysedGrammar) -> Rewritten | Obstacle:
    """Rewrite for Lark's default again, terminals spelled out: where they interact in any way."""
    terminals = grammar.terminals
    speller = Speller(
        grammar.usable.rules, terminals.taken, grammar.loaded.ignore, terminals.alphabet.size
    )
    try:
        productions = shrink(speller.spell(grammar.loaded.start), Top())
    except TooLargeError:
        return Obstacle("spelled out in characters it is too large", None, "Make it smaller.")
    if not productions:
        return Obstacle("spelled out in characters it has no sentence", None, "Let it have one.")
    return Rewritten("earley-dynamic", render.over_characters(productions, grammar.shares))


STRATEGIES: tuple[Strategy, ...] = (by_lalr, by_dynamic_earley, by_settled_lalr, by_characters)
