"""Translation of one Lark grammar for llguidance, by the first strategy that succeeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from potentials.grammar.lark.diagnostics import AnalysedGrammar, Obstacle, refusal
from potentials.grammar.lark.lexer.shares import ShareTable
from potentials.grammar.lark.lexer.terminals import understand
from potentials.grammar.lark.loading import Loaded, line_of, line_of_terminal, load
from potentials.grammar.lark.parsers import MODES, lark_parser, mode_named
from potentials.grammar.lark.productions import usable
from potentials.grammar.lark.rewrite.render import Rendered
from potentials.grammar.lark.strategies import BY_DEFAULT, STRATEGIES, Rewritten, by_settled_lalr
from smc.errors import GrammarError


@dataclass(frozen=True)
class TranslatedGrammar:
    """A Lark grammar that llguidance reads with the same language.

    Attributes:
        source: As given.
        llguidance: The text for llguidance, without forcing.
        mode: The parser and lexer of Lark that have this language: a key of `parsers.MODES`.
        rewrites: What was rewritten, exactly, for people to read.
        start: The start rule.
        import_paths: Where imports were looked for.
        base_path: Where relative imports were looked for.
        settled: Whether Lark settles conflicts of the grammar by itself, as shift or by priority;
            the language is what is left.
        scannerless: Whether it is written in rules over single characters.
        obstacle: Why it is, and what to change so that it is not; empty where it is not.
    """

    source: str
    llguidance: str
    mode: str
    rewrites: tuple[str, ...]
    start: str = "start"
    import_paths: tuple[str, ...] = ()
    base_path: Path | None = None
    settled: bool = False
    scannerless: bool = False
    obstacle: str = ""

    @property
    def parser(self) -> str:
        """Lark's argument `parser` for this language."""
        return MODES[self.mode].parser

    @property
    def lexer(self) -> str:
        """Lark's argument `lexer` for this language."""
        return MODES[self.mode].lexer

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


def translate(
    source: str,
    *,
    start: str = "start",
    import_paths: Sequence[str | Path] = (),
    base_path: Path | None = None,
    parser: str | None = None,
    lexer: str | None = None,
) -> TranslatedGrammar:
    """Translate a Lark grammar for llguidance, exactly.

    Args:
        source: The text of the grammar.
        start: The start rule.
        import_paths: Directories in which `%import` looks.
        base_path: The directory of the grammar's file, for relative imports.
        parser: Lark's argument of this name; None: the LALR parser if the grammar is LALR(1)
            without conflict, else the Earley parser, Lark's default.
        lexer: Lark's argument of this name; None: what Lark takes with the parser.

    Raises:
        GrammarError: If it is malformed, has no sentence, or has something that cannot be
            translated exactly: named, with its line and a remedy.
    """
    mode = mode_named(parser, lexer)
    loaded = load(source, start, import_paths, base_path)
    terminals = understand(loaded)
    empty = frozenset(n for n, d in terminals.taken.items() if d.empty)
    grammar = AnalysedGrammar(
        loaded, usable(loaded, empty), terminals, ShareTable(loaded, terminals)
    )
    obstacles: list[Obstacle] = []
    silent: list[str] = []
    for strategy in STRATEGIES[mode] if mode else BY_DEFAULT:
        outcome = strategy(grammar)
        if isinstance(outcome, Obstacle):
            obstacles.append(outcome)
        elif outcome.rendered is None:
            silent.append(outcome.mode)
        else:
            why = obstacles[0].words if obstacles else "A terminal may end wherever it matches."
            return _translated(grammar, outcome, outcome.rendered, base_path, why)
    worst = next((o for o in obstacles if o.terminal), None)
    if silent and worst is None:
        raise _no_sentence(loaded, silent)
    obstacles.sort(key=lambda o: o is not worst)
    named = loaded.terminals.get((worst and worst.terminal) or "")
    line = line_of_terminal(named, source) if named else 1
    raise refusal(obstacles, line, "" if mode or silent else _advice(grammar))


def _translated(
    grammar: AnalysedGrammar,
    rewritten: Rewritten,
    rendered: Rendered,
    base_path: Path | None,
    obstacle: str,
) -> TranslatedGrammar:
    loaded = grammar.loaded
    rewrites = [*grammar.terminals.rewritten, *rendered.rewrites]
    if grammar.usable.dropped:
        rewrites.append(f"dropped, for it derives nothing: {', '.join(grammar.usable.dropped)}")
    if rewritten.settled:
        rewrites.append("conflicts settled as Lark's LALR parser does: shift, or by priority")
    return TranslatedGrammar(
        loaded.source,
        rendered.text,
        rewritten.mode,
        tuple(dict.fromkeys(rewrites)),
        loaded.start,
        loaded.import_paths,
        base_path,
        rewritten.settled,
        rewritten.scannerless,
        obstacle if rewritten.scannerless else "",
    )


def _advice(grammar: AnalysedGrammar) -> str:
    """Return whether the LALR parser, which loses sentences, would do."""
    outcome = by_settled_lalr(grammar)
    if isinstance(outcome, Obstacle) or outcome.rendered is None:
        return ""
    return (
        'If it is written for Lark\'s LALR parser, say parser="lalr": its language, which Lark '
        "makes smaller where it settles conflicts, can be translated."
    )


def _no_sentence(loaded: Loaded, modes: Sequence[str]) -> GrammarError:
    named = " and ".join(str(MODES[mode]) for mode in modes)
    return GrammarError(
        f"Grammar, line {line_of(loaded.source, loaded.start)}: a grammar with no sentence in Lark "
        f"with {named}: every text that it could consist of is read another way. Order the "
        "terminals by priority, let them differ, or name another parser= or lexer=."
    )
