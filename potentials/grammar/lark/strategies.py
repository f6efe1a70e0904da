"""Trying the modes of Lark in turn: the first whose language llguidance can be made to have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from potentials.grammar.lark import lalr
from potentials.grammar.lark.diagnostics import (
    Grammar,
    Problem,
    changing_ignored,
    doubtful_shares,
    first_problem,
    ignored_and_used,
    skipped,
)
from potentials.grammar.lark.lexer.contexts import Context
from potentials.grammar.lark.lexer.cutting import Cutter
from potentials.grammar.lark.lexer.joint import TooIntricateError
from potentials.grammar.lark.lexer.meeting import earley_contexts, lalr_contexts
from potentials.grammar.lark.lexer.scanner import Share
from potentials.grammar.lark.productions import Rules
from potentials.grammar.lark.rewrite.lookahead_grammar import Threader
from potentials.grammar.lark.rewrite.merging import Threaded
from potentials.grammar.lark.rewrite.scannerless import Speller
from potentials.grammar.lark.rewrite.shrinking import Productions, shrink
from potentials.grammar.lark.rewrite.state_splitting import Split, split


@dataclass(frozen=True)
class Plan:
    """A grammar ready to be written.

    Attributes:
        mode: The mode of Lark whose language it is.
        split: The productions over shares of terminals.
        ignore: The shares of ignored terminals.
        threaded: In place of both, the productions over pieces of terminals, what is ignored
            among them.
        settled: Whether Lark settles conflicts of the grammar by itself.
        letters: In place of all three, productions over classes of characters.
    """

    mode: str
    split: Split
    ignore: tuple[Share, ...]
    threaded: Threaded | None = None
    settled: bool = False
    letters: Productions | None = None


def by_lalr(grammar: Grammar) -> Plan | Problem:
    """Plan for `parser="lalr"`, whose lexer is contextual."""
    automaton = lalr.automaton(grammar.loaded, strict=True)
    if isinstance(automaton, str):
        return Problem(
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
    problem = doubtful_shares(grammar, [c.names for c in contexts.values()])
    if problem:
        return problem
    problem = first_problem(grammar, contexts.values(), competing=True)
    shares = {
        (state, name): grammar.scanner.share(context.names, name)
        for state, context in contexts.items()
        for name in context.names
    }
    problem = problem or changing_ignored(grammar, shares)
    if problem is None:
        rules, start = grammar.usable.rules, grammar.loaded.start
        ignored = {n: s for (_state, n), s in shares.items() if n in grammar.loaded.ignore}
        used = {key: s for key, s in shares.items() if key[1] not in ignored}
        return Plan("lalr", split(rules, start, automaton, used), tuple(ignored.values()))
    return _in_pieces(grammar, automaton, contexts) or problem if problem.curable else problem


def _in_pieces(
    grammar: Grammar, automaton: lalr.Automaton, contexts: dict[int, Context]
) -> Plan | None:
    """Plan with terminals cut into lexemes; None if that is not enough."""
    ignore = frozenset(grammar.loaded.ignore)
    cutter = Cutter(grammar.scanner)
    threader = Threader(grammar.usable.rules, automaton, contexts, ignore, cutter)
    try:
        threaded = threader.thread(grammar.loaded.start)
    except TooIntricateError:
        return None
    return Plan("lalr", Split({}, "", {}), (), threaded)


def _some_share_is_empty(grammar: Grammar, contexts: dict[int, Context]) -> bool:
    shares = {grammar.scanner.share(c.names, n) for c in contexts.values() for n in c.names}
    return any(not s.whole and grammar.scanner.language(s).empty for s in shares)


def by_dynamic_earley(grammar: Grammar) -> Plan | Problem:
    """Plan for Lark's default: Earley with the dynamic lexer, where terminals do not compete."""
    both = ignored_and_used(grammar)
    if both:
        return both
    rules = grammar.usable.rules
    contexts = earley_contexts(
        grammar.loaded, rules, grammar.terminals, grammar.scanner.share_texts
    )
    problem = first_problem(grammar, contexts, competing=False) or skipped(grammar, contexts)
    if problem:
        return problem
    return _unsplit(grammar, "earley-dynamic", rules, lambda name: Share(name))


def by_settled_lalr(grammar: Grammar) -> Plan | Problem:
    """Plan for `parser="lalr"` where Lark settles conflicts by itself: shift, or by priority.

    Lark does so without a word, and loses sentences that the grammar has; so Earley goes first.
    """
    automaton = lalr.automaton(grammar.loaded, strict=False)
    if isinstance(automaton, str):
        return Problem(f"it is not LALR(1) ({automaton})", None, "Remove the conflict.")
    if not automaton.barred:
        return Problem("it is not LALR(1) with a conflict", None, "")
    contexts = lalr_contexts(grammar.loaded, grammar.terminals, automaton, False)
    problem = (
        ignored_and_used(grammar)
        or doubtful_shares(grammar, [c.names for c in contexts.values()])
        or first_problem(grammar, contexts.values(), competing=True)
    )
    if problem and not problem.curable:
        return problem
    intricate = Problem("its conflicts and its terminals are too intricate together", None, "")
    plan = _in_pieces(grammar, automaton, contexts)
    return replace(plan, settled=True) if plan else problem or intricate


def by_characters(grammar: Grammar) -> Plan | Problem:
    """Plan for Lark's default again, terminals spelled out: where they interact in any way."""
    terminals = grammar.terminals
    speller = Speller(
        grammar.usable.rules, terminals.taken, grammar.loaded.ignore, terminals.alphabet.size
    )
    try:
        letters = shrink(speller.spell(grammar.loaded.start), "start")
    except TooIntricateError:
        return Problem("spelled out in characters it is too large", None, "Make it smaller.")
    if not letters:
        return Problem("spelled out in characters it has no sentence", None, "Let it have one.")
    return Plan("earley-dynamic", Split({}, "", {}), (), letters=letters)


MODES: tuple[Callable[[Grammar], Plan | Problem], ...] = (
    by_lalr,
    by_dynamic_earley,
    by_settled_lalr,
    by_characters,
)


def _unsplit(grammar: Grammar, mode: str, rules: Rules, share_of: Callable[[str], Share]) -> Plan:
    used = {n for ps in rules.values() for p in ps for n, terminal in p if terminal}
    shares = {n: share_of(n) for n in sorted(used)}
    ignored = tuple(share_of(n) for n in grammar.loaded.ignore)
    return Plan(mode, Split(rules, grammar.loaded.start, shares), ignored)
