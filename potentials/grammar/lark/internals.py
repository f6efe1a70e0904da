"""Lark's inner parts: the one file that uses names which Lark does not promise to keep.

Tried with 1.2 and 1.3. What is missing is named when it is first needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
    from lark.exceptions import GrammarError
    from lark.load_grammar import load_grammar

    grammar, _files = load_grammar(source, name, list(import_paths), True)
    if endless := _endless_template(grammar.rule_defs):
        # Lark would write rules for ever.
        raise GrammarError(f"template {endless} uses itself with arguments that grow without end")
    terminals, rules, ignored = grammar.compile([start], set())
    return CompiledGrammar(tuple(terminals), tuple(rules), tuple(str(n) for n in ignored))


def _endless_template(definitions: Sequence[tuple[Any, ...]]) -> str:
    """Return a template in whose uses an argument comes to stand in itself; "" if there is none.

    Arguments flow from a template's parameters into those of the templates that it uses; where
    they come back, and one was put into a template on the way, there is no end to them.
    """
    bodies = {str(name): (params, tree) for name, params, tree, _options in definitions}
    reached = [name for name, (params, _tree) in bodies.items() if not params]
    flows: dict[tuple[str, int], set[tuple[str, int]]] = {}
    growing: list[tuple[tuple[str, int], tuple[str, int]]] = []
    for name in reached:
        params, tree = bodies[name]
        for use in tree.find_data("template_usage"):
            used, *arguments = use.children
            if used.name in bodies and used.name not in reached:
                reached.append(used.name)
            for to, argument in enumerate(arguments):
                inside = {getattr(leaf, "name", "") for leaf in argument.scan_values(bool)}
                for at in (i for i, param in enumerate(params) if param in inside):
                    flows.setdefault((name, at), set()).add((used.name, to))
                    if any(argument.find_data("template_usage")):
                        growing.append(((name, at), (used.name, to)))
    return next((a[0] for a, b in growing if a in _reachable(flows, b)), "")


def _reachable(flows: Mapping[Any, set[Any]], start: Any) -> set[Any]:
    seen, waiting = {start}, [start]
    while waiting:
        new = flows.get(waiting.pop(), set()) - seen
        seen |= new
        waiting += new
    return seen


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
