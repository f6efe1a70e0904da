"""Lark's inner parts: the one file that uses names which Lark does not promise to keep.

Tried with 1.2 and 1.3. What is missing is named when it is first needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lark import Lark

END = "$END"


@dataclass(frozen=True)
class CompiledGrammar:
    """A grammar as Lark's loader resolves it; the objects are Lark's.

    Attributes:
        terminals: Definitions (`lark.lexer.TerminalDef`) of all terminals.
        rules: Productions (`lark.grammar.Rule`) in BNF.
        ignored: Names of ignored terminals.
    """

    terminals: tuple[Any, ...]
    rules: tuple[Any, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class ParseTable:
    """A table of an LALR(1) parser.

    Attributes:
        start: The start state.
        shifts: For each state, by terminal or nonterminal the state to go to.
        reductions: For each state, by terminal the rule (`lark.grammar.Rule`) to reduce.
    """

    start: int
    shifts: dict[int, dict[str, int]]
    reductions: dict[int, dict[str, Any]]


def compile_grammar(
    source: str, name: str, import_paths: Sequence[str], start: str
) -> CompiledGrammar:
    """Return a grammar with imports, templates and EBNF resolved.

    Args:
        source: The text.
        name: Of its file, beside which relative imports are looked for.
        import_paths: Where other imports are looked for.
        start: The start rule.

    Raises:
        LarkError: Lark does not take it; other errors of its loader pass through, too.
    """
    from lark.load_grammar import load_grammar

    grammar, _files = load_grammar(source, name, list(import_paths), True)
    terminals, rules, ignored = grammar.compile([start], set())
    return CompiledGrammar(tuple(terminals), tuple(rules), tuple(str(n) for n in ignored))


def parser_table(parser: Lark, start: str) -> ParseTable:
    """Return the table of an LALR parser."""
    from lark.parsers.lalr_analysis import Shift

    frontend: Any = parser.parser
    table = frontend.parser._parse_table
    shifts: dict[int, dict[str, int]] = {}
    reductions: dict[int, dict[str, Any]] = {}
    for state, row in table.states.items():
        shifts[state] = {str(name): to for name, (action, to) in row.items() if action is Shift}
        reductions[state] = {
            str(name): rule for name, (action, rule) in row.items() if action is not Shift
        }
    return ParseTable(table.start_states[start], shifts, reductions)


def contextual_terminals(parser: Lark) -> Iterator[tuple[int, list[Any]]]:
    """Yield the states of an LALR parser, each with the terminals that its lexer looks for.

    The list is one object for states that share their lexer.
    """
    frontend: Any = parser.parser
    for state, basic in frontend.lexer.lexers.items():
        yield state, basic.terminals
