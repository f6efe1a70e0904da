"""Diagnostics: what keeps a mode of Lark from being translated, and how to say it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from potentials.grammar.lark.lexer.clashes import ClashFinder
from potentials.grammar.lark.lexer.contexts import Clash, Context
from potentials.grammar.lark.lexer.shares import ShareTable
from potentials.grammar.lark.lexer.terminals import Terminals
from potentials.grammar.lark.loading import Loaded
from potentials.grammar.lark.productions import Usable
from smc.errors import GrammarError


@dataclass(frozen=True)
class Obstacle:
    """Why a mode's language cannot be translated.

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

    @property
    def words(self) -> str:
        """What it is, and what to do."""
        return f"{self.what}. {self.remedy}"


@dataclass(frozen=True)
class AnalysedGrammar:
    """A loaded grammar and what has been found out about it."""

    loaded: Loaded
    usable: Usable
    terminals: Terminals
    shares: ShareTable


def changing_ignored(grammar: AnalysedGrammar, contexts: Iterable[Context]) -> Obstacle | None:
    """Look for an ignored terminal that does not take the same texts everywhere."""
    for name in grammar.loaded.ignore:
        if len({grammar.shares.share(context.names, name) for context in contexts}) > 1:
            return Obstacle(
                f"the ignored terminal {name} loses some of its texts to other terminals, and not "
                "the same ones everywhere",
                name,
                f"Let no other terminal start like {name}.",
                True,
            )
    return None


def ignored_and_used(grammar: AnalysedGrammar) -> Obstacle | None:
    """Look for a terminal that rules ask for and Lark ignores."""
    used = {n for ps in grammar.loaded.rules.values() for p in ps for n, terminal in p if terminal}
    both = sorted(used & set(grammar.loaded.ignore))
    if not both:
        return None
    return Obstacle(
        f"terminal {both[0]} is ignored and also asked for by a rule, which it never reaches",
        both[0],
        "Take it out of `%ignore`, or out of the rules.",
    )


def first_obstacle(
    grammar: AnalysedGrammar, contexts: Iterable[Context], *, competing: bool
) -> Obstacle | None:
    """Return the worst obstacle of the contexts: one that cutting does not cure goes first."""
    finder = ClashFinder(grammar.shares, competing)
    contexts = list({id(context): context for context in contexts}.values())
    for context in contexts:
        swallowed = _swallowed(grammar, context)
        if swallowed:
            return swallowed
    seen: set[tuple[object, ...]] = set()
    curable: Obstacle | None = None
    for context in contexts:
        key = (context.names, context.certain, tuple(sorted(context.next_symbols.items())))
        if key in seen:
            continue
        seen.add(key)
        for clash in finder.clashes(context):
            obstacle = _explained(grammar, clash)
            if not obstacle.curable:
                return obstacle
            curable = curable or obstacle
    return curable


def skipped(grammar: AnalysedGrammar, contexts: Sequence[Context]) -> Obstacle | None:
    """Look for texts that may be ignored or used; llguidance would only ignore them."""
    for context in contexts:
        for ignored in grammar.loaded.ignore:
            for name in sorted(context.names - set(grammar.loaded.ignore)):
                if grammar.shares.beginnings.share_texts(ignored, name):
                    return Obstacle(
                        f"{name} and the ignored {ignored} match the same text, which is then "
                        "either",
                        name,
                        f"Let them differ, or do not ignore {ignored}.",
                    )
    return None


def doubtful_shares(grammar: AnalysedGrammar, contexts: Iterable[Context]) -> Obstacle | None:
    """Look for shares that are not settled by the text of the terminal alone."""
    shares = grammar.shares
    for names in dict.fromkeys(context.names for context in contexts):
        order = shares.order(names)
        for name in sorted(names):
            if name in grammar.loaded.ignore and name in order.made_of:
                return Obstacle(
                    f"the ignored text {name} is one that {order.made_of[name][0]} matches, and "
                    "Lark then hands it to the parser, ignored or not",
                    name,
                    "Ignore a regular expression in place of the string.",
                )
            share = shares.share(names, name)
            if not share.whole and grammar.terminals.looking & set(share.rivals):
                texts = shares.language(share)
                if any(a not in (0, texts.all_next) for a in texts.accept):
                    return Obstacle(
                        f"whether {' or '.join(share.rivals[:3])} goes before {name} depends on "
                        "what comes after it",
                        name,
                        "Drop the assertion, or let the terminals differ.",
                    )
    return None


def _swallowed(grammar: AnalysedGrammar, context: Context) -> Obstacle | None:
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
            return Obstacle(
                f"terminal {name} swallows every text that may follow it, so it never ends and no "
                "sentence has it",
                name,
                f"Take the first characters of its followers out of {name}, or separate them.",
            )
    return None


def _explained(grammar: AnalysedGrammar, clash: Clash) -> Obstacle:
    alphabet = grammar.terminals.alphabet
    chars = alphabet.ranges(clash.symbols)
    shown = repr(chr(chars[0][0])) if chars else "the end of the text"
    name = clash.terminal
    others = " and ".join(clash.longer[:3]) or "nothing else"
    if clash.kind == "looks ahead":
        return Obstacle(
            f"terminal {name} depends on what comes after it: {shown} may follow it "
            f"({clash.context.where}) but its assertion forbids it there",
            name,
            "Drop the assertion, or let nothing follow that it forbids.",
        )
    if clash.kind == "splits a character":
        return Obstacle(
            f"after {name}, {shown} may follow ({clash.context.where}) and has its first byte in "
            f"common with characters of {others}; one byte of lookahead does not tell them apart",
            name,
            "Write the character classes in ASCII: [0-9A-Za-z_] for \\w, [ \\t\\r\\n] for \\s.",
            True,
        )
    return Obstacle(
        f"after {name}, {shown} may follow or may go on into {others} ({clash.context.where}); "
        "where that comes to nothing Lark's lexer backs up, and longest match does not",
        name,
        "Let what follows start with another character (a keyword before a name can take the space "
        "between, as in IF.1: /if[ \\n]+/), or make the longer terminal out of the shorter one in "
        "a rule.",
        True,
    )


def refusal(obstacles: list[Obstacle], line: int, advice: str = "") -> GrammarError:
    """Return the error for a grammar that no strategy could translate; the first obstacle leads."""
    first = obstacles[0]
    rest = (f"Nor does another way do: {o.what}." for o in obstacles[1:] if o != first)
    words = [f"Grammar, line {line}: {first.words}", *rest, advice]
    return GrammarError(" ".join(w for w in words if w))
