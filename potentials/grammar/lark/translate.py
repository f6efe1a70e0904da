"""Carrying one grammar over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from potentials.grammar.lark.automata.rust_regex import spell_set
from potentials.grammar.lark.diagnostics import Grammar, Problem, refusal
from potentials.grammar.lark.lexer.scanner import Scanner
from potentials.grammar.lark.lexer.terminals import spell_lexeme, understand
from potentials.grammar.lark.loading import Loaded, describe, line_of, line_of_terminal, load
from potentials.grammar.lark.parsers import lark_parser
from potentials.grammar.lark.productions import Rules, reduce_rules, usable
from potentials.grammar.lark.rewrite import emit
from potentials.grammar.lark.rewrite.merging import Threaded
from potentials.grammar.lark.rewrite.shrinking import Productions
from potentials.grammar.lark.strategies import MODES, Plan
from smc.errors import GrammarError


@dataclass(frozen=True)
class CarriedGrammar:
    """A Lark grammar that llguidance reads with the same language.

    Attributes:
        source: As given.
        llguidance: The text for llguidance, without forcing.
        mode: The mode of Lark that has this language: a key of `reference.MODES`.
        rewrites: What was rewritten, exactly, for people to read.
        start: The start rule.
        import_paths: Where imports were looked for.
        base_path: Where relative imports were looked for.
        settled: Whether Lark settles conflicts of the grammar by itself, as shift or by priority;
            `mode` is then `lalr`, and the language is what is left.
    """

    source: str
    llguidance: str
    mode: str
    rewrites: tuple[str, ...]
    start: str = "start"
    import_paths: tuple[str, ...] = ()
    base_path: Path | None = None
    settled: bool = False

    @cached_property
    def lark(self) -> Any:
        """Lark's LALR parser of this language; None unless it is LALR(1) without conflict."""
        if self.mode != "lalr" or self.settled:
            return None
        return lark_parser(
            self.source,
            "lalr",
            start=self.start,
            import_paths=self.import_paths,
            base_path=self.base_path,
        )


def carry(
    source: str,
    *,
    start: str = "start",
    import_paths: Sequence[str | Path] = (),
    base_path: Path | None = None,
) -> CarriedGrammar:
    """Carry a Lark grammar over to llguidance, exactly.

    Args:
        source: The text of the grammar.
        start: The start rule.
        import_paths: Directories in which `%import` looks.
        base_path: The directory of the grammar's file, for relative imports.

    Raises:
        GrammarError: If it is malformed, has no sentence, or has something that cannot be carried
            exactly: named, with its line and a remedy.
    """
    loaded = load(source, start, import_paths, base_path)
    terminals = understand(loaded)
    empty = frozenset(n for n, d in terminals.taken.items() if d.empty)
    grammar = Grammar(loaded, usable(loaded, empty), terminals, Scanner(loaded, terminals))
    problems: list[Problem] = []
    for attempt in MODES:
        found = attempt(grammar)
        if isinstance(found, Plan):
            return _carried(grammar, found, base_path)
        problems.append(found)
    worst = next((p for p in problems if p.terminal), problems[0])
    problems.sort(key=lambda p: p is not worst)
    named = loaded.terminals.get(worst.terminal or "")
    line = line_of_terminal(named, source) if named else 1
    raise refusal(problems, source, line)


def _no_sentence(loaded: Loaded) -> GrammarError:
    return GrammarError(
        f"Grammar, line {line_of(loaded.source, loaded.start)}: a grammar with no sentence: "
        "other terminals take every text that it could consist of. Order the terminals by "
        "priority, or let them differ."
    )


def _carried(grammar: Grammar, plan: Plan, base_path: Path | None) -> CarriedGrammar:
    scanner, loaded = grammar.scanner, grammar.loaded
    if plan.threaded is not None:
        return _carried_in_pieces(grammar, plan, plan.threaded, base_path)
    if plan.letters is not None:
        return _carried_in_characters(grammar, plan, plan.letters, base_path)
    nothing = {n for n, share in plan.split.shares.items() if scanner.language(share).empty}
    rules, _dropped = reduce_rules(plan.split.rules, plan.split.start, frozenset(nothing))
    if plan.split.start not in rules:
        raise _no_sentence(loaded)
    used = {n for ps in rules.values() for p in ps for n, terminal in p if terminal}
    lexemes = {n: scanner.spelled(s) for n, s in plan.split.shares.items() if n in used}
    ignored: list[str] = []
    for share in plan.ignore:
        if not scanner.language(share).empty:
            name = f"ignored {share.terminal}"
            lexemes[name] = scanner.spelled(share)
            ignored.append(name)
    text = emit.write(rules, plan.split.start, lexemes, ignored)
    rewrites = list(grammar.terminals.rewritten)
    rewrites += [
        f"{describe(loaded.terminals[share.terminal])}: without the texts that Lark gives to "
        f"{', '.join(share.rivals)}"
        for share in plan.split.shares.values()
        if not share.whole
    ]
    if grammar.usable.dropped:
        rewrites.append(f"dropped, for it derives nothing: {', '.join(grammar.usable.dropped)}")
    if loaded.ignore:
        rewrites.append("ignored terminals are skipped before and after everything, too")
    return CarriedGrammar(
        loaded.source,
        text,
        plan.mode,
        tuple(dict.fromkeys(rewrites)),
        loaded.start,
        loaded.import_paths,
        base_path,
        plan.settled,
    )


def _carried_in_pieces(
    grammar: Grammar, plan: Plan, threaded: Threaded, base_path: Path | None
) -> CarriedGrammar:
    loaded = grammar.loaded
    if threaded.start not in threaded.rules:
        raise _no_sentence(loaded)
    used = {n for ps in threaded.rules.values() for p in ps for n, terminal in p if terminal}
    lexemes = {
        n: spell_lexeme(lexeme.terminal, lexeme.texts, grammar.terminals)
        for n, lexeme in threaded.lexemes.items()
        if n in used
    }
    text = emit.write(threaded.rules, threaded.start, lexemes)
    rewrites = list(grammar.terminals.rewritten)
    cut = sorted(
        {x.terminal for x in threaded.lexemes.values()}
        - {
            x.terminal
            for x in threaded.lexemes.values()
            if x.texts == grammar.terminals.taken[x.terminal]
        }
    )
    if cut:
        rewrites.append(
            f"{', '.join(cut)}: cut into lexemes, so that longest match never has to back up"
        )
    if plan.settled:
        rewrites.append("conflicts settled as Lark's LALR parser does: shift, or by priority")
    return CarriedGrammar(
        loaded.source,
        text,
        plan.mode,
        tuple(rewrites),
        loaded.start,
        loaded.import_paths,
        base_path,
        plan.settled,
    )


def _carried_in_characters(
    grammar: Grammar, plan: Plan, letters: Productions, base_path: Path | None
) -> CarriedGrammar:
    loaded, alphabet = grammar.loaded, grammar.terminals.alphabet
    names = {key: f"s{i}" for i, key in enumerate(letters)}
    masks = sorted({s for ps in letters.values() for p in ps for s in p if isinstance(s, int)})
    lexemes = {f"c{m:x}": f"/{spell_set(alphabet.ranges(m))}/" for m in masks}
    rules: Rules = {
        names[key]: tuple(
            tuple((f"c{s:x}", True) if isinstance(s, int) else (names[s], False) for s in body)
            for body in bodies
        )
        for key, bodies in letters.items()
    }
    text = emit.write(rules, names["start"], lexemes)
    rewrites = [
        *grammar.terminals.rewritten,
        "terminals spelled out in characters, each to end where Lark ends it",
    ]
    return CarriedGrammar(
        loaded.source,
        text,
        plan.mode,
        tuple(rewrites),
        loaded.start,
        loaded.import_paths,
        base_path,
    )
