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
from potentials.grammar.lark.parsers import lark_parser
from potentials.grammar.lark.productions import usable
from potentials.grammar.lark.strategies import STRATEGIES, Rewritten
from smc.errors import GrammarError


@dataclass(frozen=True)
class TranslatedGrammar:
    """A Lark grammar that llguidance reads with the same language.

    Attributes:
        source: As given.
        llguidance: The text for llguidance, without forcing.
        mode: The mode of Lark that has this language: a key of `parsers.LARK_OPTIONS`.
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


def translate(
    source: str,
    *,
    start: str = "start",
    import_paths: Sequence[str | Path] = (),
    base_path: Path | None = None,
) -> TranslatedGrammar:
    """Translate a Lark grammar for llguidance, exactly.

    Args:
        source: The text of the grammar.
        start: The start rule.
        import_paths: Directories in which `%import` looks.
        base_path: The directory of the grammar's file, for relative imports.

    Raises:
        GrammarError: If it is malformed, has no sentence, or has something that cannot be
            translated exactly: named, with its line and a remedy.
    """
    loaded = load(source, start, import_paths, base_path)
    terminals = understand(loaded)
    empty = frozenset(n for n, d in terminals.taken.items() if d.empty)
    grammar = AnalysedGrammar(
        loaded, usable(loaded, empty), terminals, ShareTable(loaded, terminals)
    )
    obstacles: list[Obstacle] = []
    for strategy in STRATEGIES:
        outcome = strategy(grammar)
        if isinstance(outcome, Rewritten):
            return _translated(grammar, outcome, base_path)
        obstacles.append(outcome)
    worst = next((o for o in obstacles if o.terminal), obstacles[0])
    obstacles.sort(key=lambda o: o is not worst)
    named = loaded.terminals.get(worst.terminal or "")
    line = line_of_terminal(named, source) if named else 1
    raise refusal(obstacles, source, line)


def _translated(
    grammar: AnalysedGrammar, rewritten: Rewritten, base_path: Path | None
) -> TranslatedGrammar:
    loaded = grammar.loaded
    if rewritten.rendered is None:
        raise _no_sentence(loaded)
    rewrites = [*grammar.terminals.rewritten, *rewritten.rendered.rewrites]
    if grammar.usable.dropped:
        rewrites.append(f"dropped, for it derives nothing: {', '.join(grammar.usable.dropped)}")
    if rewritten.settled:
        rewrites.append("conflicts settled as Lark's LALR parser does: shift, or by priority")
    return TranslatedGrammar(
        loaded.source,
        rewritten.rendered.text,
        rewritten.mode,
        tuple(dict.fromkeys(rewrites)),
        loaded.start,
        loaded.import_paths,
        base_path,
        rewritten.settled,
    )


def _no_sentence(loaded: Loaded) -> GrammarError:
    return GrammarError(
        f"Grammar, line {line_of(loaded.source, loaded.start)}: a grammar with no sentence: "
        "other terminals take every text that it could consist of. Order the terminals by "
        "priority, or let them differ."
    )
