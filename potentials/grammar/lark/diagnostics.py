"""What keeps a mode of Lark from being carried, and how to say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from potentials.grammar.lark.lexer.clashes import ClashFinder
from potentials.grammar.lark.lexer.contexts import Clash, Context
from potentials.grammar.lark.lexer.scanner import Scanner, Share
from potentials.grammar.lark.lexer.terminals import Terminals
from potentials.grammar.lark.loading import Loaded
from potentials.grammar.lark.productions import Usable
from smc.errors import GrammarError


@dataclass(frozen=True)
class Problem:
    """Why a mode's language cannot be carried.

    Attributes:
        what: A sentence or two with the names.
        terminal: The terminal to name, if one.
        remedy: What to do.
        curable: Whether cutting terminals into lexemes may help.
    """

    what: str
    terminal: str | None
    remedy: str
    curable: bool = False


@dataclass(frozen=True)
class Grammar:
    """A loaded grammar and what has been found out about it."""

    loaded: Loaded
    usable: Usable
    terminals: Terminals
    scanner: Scanner


def changing_ignored(grammar: Grammar, shares: dict[tuple[int, str], Share]) -> Problem | None:
    """Look for an ignored terminal that does not take the same texts everywhere."""
    found: dict[str, Share] = {}
    for (_state, name), share in shares.items():
        if name in grammar.loaded.ignore and found.setdefault(name, share) != share:
            return Problem(
                f"the ignored terminal {name} loses some of its texts to other terminals, and not "
                "the same ones everywhere",
                name,
                f"Let no other terminal start like {name}.",
                True,
            )
    return None


def ignored_and_used(grammar: Grammar) -> Problem | None:
    """Look for a terminal that rules ask for and Lark ignores."""
    used = {n for ps in grammar.loaded.rules.values() for p in ps for n, terminal in p if terminal}
    both = sorted(used & set(grammar.loaded.ignore))
    if not both:
        return None
    return Problem(
        f"terminal {both[0]} is ignored and also asked for by a rule, which it never reaches",
        both[0],
        "Take it out of `%ignore`, or out of the rules.",
    )


def first_problem(
    grammar: Grammar, contexts: Iterable[Context], *, competing: bool
) -> Problem | None:
    """Return the worst problem of the contexts: one that cutting does not cure goes first."""
    finder = ClashFinder(grammar.scanner, competing)
    contexts = list(contexts)
    for context in contexts:
        swallowed = _swallowed(grammar, context)
        if swallowed:
            return swallowed
    seen: set[tuple[object, ...]] = set()
    curable: Problem | None = None
    for context in contexts:
        key = (context.names, context.certain, tuple(sorted(context.next_symbols.items())))
        if key in seen:
            continue
        seen.add(key)
        for clash in finder.clashes(context):
            problem = _explained(grammar, clash)
            if not problem.curable:
                return problem
            curable = curable or problem
    return curable


def skipped(grammar: Grammar, contexts: Sequence[Context]) -> Problem | None:
    """Look for texts that may be ignored or used; llguidance would only ignore them."""
    for context in contexts:
        for ignored in grammar.loaded.ignore:
            for name in sorted(context.names - set(grammar.loaded.ignore)):
                if grammar.scanner.share_texts(ignored, name):
                    return Problem(
                        f"{name} and the ignored {ignored} match the same text, which is then "
                        "either",
                        name,
                        f"Let them differ, or do not ignore {ignored}.",
                    )
    return None


def doubtful_shares(grammar: Grammar, sets: Sequence[frozenset[str]]) -> Problem | None:
    """Look for shares that are not settled by the text of the terminal alone."""
    scanner = grammar.scanner
    for names in dict.fromkeys(sets):
        order = scanner.order(names)
        for name in sorted(names):
            if name in grammar.loaded.ignore and name in order.made_of:
                return Problem(
                    f"the ignored text {name} is one that {order.made_of[name][0]} matches, and "
                    "Lark then hands it to the parser, ignored or not",
                    name,
                    "Ignore a regular expression in place of the string.",
                )
            share = scanner.share(names, name)
            if not share.whole and grammar.terminals.looking & set(share.rivals):
                found = scanner.language(share)
                if any(a not in (0, found.all_next) for a in found.accept):
                    return Problem(
                        f"whether {' or '.join(share.rivals[:3])} goes before {name} depends on "
                        "what comes after it",
                        name,
                        "Drop the assertion, or let the terminals differ.",
                    )
    return None


def _swallowed(grammar: Grammar, context: Context) -> Problem | None:
    """Look for a terminal that reads on through whatever could follow it."""
    for name, allowed in sorted(context.next_symbols.items()):
        own = grammar.terminals.taken[name]
        if own.empty or name in grammar.loaded.ignore:
            continue
        ends = (
            own.accept[s] & allowed & ~own.live_next(s)
            for s in range(len(own.steps))
            if own.accept[s]
        )
        if not any(ends):
            return Problem(
                f"terminal {name} swallows every text that may follow it, so it never ends and no "
                "sentence has it",
                name,
                f"Take the first characters of its followers out of {name}, or separate them.",
            )
    return None


def _explained(grammar: Grammar, clash: Clash) -> Problem:
    alphabet = grammar.terminals.alphabet
    chars = alphabet.ranges(clash.symbols)
    shown = repr(chr(chars[0][0])) if chars else "the end of the text"
    name = clash.terminal
    others = " and ".join(clash.longer[:3]) or "nothing else"
    if clash.kind == "looks ahead":
        return Problem(
            f"terminal {name} depends on what comes after it: {shown} may follow it "
            f"({clash.context.where}) but its assertion forbids it there",
            name,
            "Drop the assertion, or let nothing follow that it forbids.",
        )
    if clash.kind == "splits a character":
        return Problem(
            f"after {name}, {shown} may follow ({clash.context.where}) and has its first byte in "
            f"common with characters of {others}; one byte of lookahead does not tell them apart",
            name,
            "Write the character classes in ASCII: [0-9A-Za-z_] for \\w, [ \\t\\r\\n] for \\s.",
            True,
        )
    return Problem(
        f"after {name}, {shown} may follow or may go on into {others} ({clash.context.where}); "
        "where that comes to nothing Lark's lexer backs up, and longest match does not",
        name,
        "Let what follows start with another character (a space, say), or make the longer "
        "terminal out of the shorter one in a rule.",
        True,
    )


def refusal(problems: list[Problem], source: str, line: int) -> GrammarError:
    """Return the error for a grammar that no mode could carry; the first problem leads."""
    first = problems[0]
    rest = " ".join(
        f"Nor can Lark's other modes be carried: {p.what}." for p in problems[1:] if p != first
    )
    return GrammarError(f"Grammar, line {line}: {first.what}. {first.remedy} {rest}".strip())
