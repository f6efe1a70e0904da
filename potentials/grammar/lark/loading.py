"""Grammar loading: Lark resolves imports, templates, `%extend`, EBNF and anonymous terminals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from potentials.grammar.lark import internals
from potentials.grammar.lark.automata.pattern import Node, Unsupported, literal, parse
from smc.errors import GrammarError


@dataclass(frozen=True)
class Terminal:
    """A terminal as Lark compiled it.

    Attributes:
        name: Lark's name; anonymous ones are named after their text.
        regexp: What Lark gives to Python's `re`.
        node: The same, parsed.
        is_string: Whether it is a string literal, which Lark's lexers treat differently.
        value: Lark's `pattern.value`.
        flags: Lark's `pattern.flags`.
        priority: Lark's priority.
        max_width: Lark's idea of the longest match.
    """

    name: str
    regexp: str
    node: Node
    is_string: bool
    value: str
    flags: frozenset[str]
    priority: int
    max_width: int

    @property
    def order(self) -> tuple[int, int, int, str]:
        """The order in which Lark's lexers try terminals."""
        return (-self.priority, -self.max_width, -len(self.value), self.name)


@dataclass(frozen=True)
class Loaded:
    """A grammar after Lark's loader: productions in BNF over terminals.

    Attributes:
        source: The text.
        start: The start symbol.
        terminals: By name; those that the productions or `%ignore` use.
        rules: For each nonterminal its productions; a symbol is a (name, is_terminal) pair.
        ignore: The names of ignored terminals.
        import_paths: Where imports were looked for, beside Lark's own grammars.
        priorities: Of productions (name, symbols), where they have one.
    """

    source: str
    start: str
    terminals: dict[str, Terminal]
    rules: dict[str, tuple[tuple[tuple[str, bool], ...], ...]]
    ignore: tuple[str, ...]
    import_paths: tuple[str, ...]
    priorities: dict[tuple[str, tuple[str, ...]], int]


def load(
    source: str, start: str, import_paths: Sequence[str | Path], base_path: Path | None
) -> Loaded:
    """Load a grammar with Lark.

    Raises:
        GrammarError: If it is malformed, or has no such start rule.
    """
    from lark.exceptions import LarkError

    paths = [str(p) for p in ([base_path] if base_path else []) + list(import_paths)]
    # Relative imports are resolved against the folder of this name.
    name = str(Path(base_path) / "grammar.lark") if base_path else "<string>"
    try:
        compiled = internals.compile_grammar(source, name, paths, start)
    except RecursionError as error:
        raise _malformed(source, "it is nested too deeply, or without end") from error
    except (LarkError, OSError, re.error, AssertionError, KeyError, ValueError) as error:
        raise _malformed(source, _explain(error)) from error
    if not any(str(rule.origin.name) == start for rule in compiled.rules):
        raise _malformed(
            source, f"the start rule `{start}` is not defined; define it or pass start="
        )
    rules: dict[str, list[tuple[tuple[str, bool], ...]]] = {}
    priorities: dict[tuple[str, tuple[str, ...]], int] = {}
    for rule in compiled.rules:
        body = tuple((str(s.name), s.is_term) for s in rule.expansion)
        productions = rules.setdefault(str(rule.origin.name), [])
        if body not in productions:
            productions.append(body)
        if rule.options.priority:
            key = (str(rule.origin.name), tuple(name for name, _terminal in body))
            priorities.setdefault(key, int(rule.options.priority))
    used = {n for ps in rules.values() for p in ps for n, is_terminal in p if is_terminal}
    ignore = tuple(dict.fromkeys(compiled.ignored))
    by_name = {t.name: t for t in compiled.terminals}
    for name in sorted(used - set(by_name)):
        raise GrammarError(
            f"Grammar, line {line_of(source, name)}: terminal {name} is only declared "
            "(`%declare`), so nothing says which text it stands for. Give it a pattern, as in "
            f"`{name}: /.../`."
        )
    terminals = {n: _terminal(by_name[n], source) for n in sorted(used | set(ignore))}
    frozen = {k: tuple(v) for k, v in rules.items()}
    return Loaded(source, start, terminals, frozen, ignore, tuple(paths), priorities)


def line_of(source: str, name: str) -> int:
    """Return the line where a rule or terminal is defined, or first named; 1 if nowhere."""
    bare = re.escape(name)
    for shape in (rf"^\s*[?!]*{bare}\s*(\.\-?\d+|\{{[^}}]*\}})?\s*:", rf"\b{bare}\b"):
        named = re.search(shape, source, re.MULTILINE)
        if named:
            return source.count("\n", 0, named.end()) + 1
    return 1


def line_of_terminal(terminal: Terminal, source: str) -> int:
    """Return the line of a terminal; an anonymous one is looked up by its text."""
    line = line_of(source, terminal.name)
    if line == 1:
        at = source.find(terminal.value)
        return source.count("\n", 0, max(at, 0)) + 1
    return line


def describe(terminal: Terminal) -> str:
    """Return how messages name a terminal."""
    shape = f'"{terminal.value}"' if terminal.is_string else f"/{terminal.value}/"
    return f"{terminal.name} ({shape if len(shape) < 60 else shape[:56] + '...'})"


def _terminal(definition: Any, source: str) -> Terminal:
    pattern = definition.pattern
    is_string = pattern.type == "str"
    try:
        node = (
            literal(pattern.value, any_case="i" in pattern.flags)
            if is_string
            else parse(pattern.to_regexp())
        )
    except Unsupported as error:
        line = line_of(source, definition.name)
        raise GrammarError(
            f"Grammar, line {line}: terminal {definition.name} (/{pattern.value}/) {error}. "
            "Write it as a regular expression without that, or put the structure into rules."
        ) from error
    return Terminal(
        str(definition.name),
        pattern.to_regexp(),
        node,
        is_string,
        str(pattern.value),
        frozenset(pattern.flags),
        int(definition.priority),
        int(pattern.max_width),
    )


def _explain(error: Exception) -> str:
    text = str(error).strip().split("\n\n")[0].replace("\n", " ")
    return text or type(error).__name__


def _malformed(source: str, why: str) -> GrammarError:
    numbered = re.search(r"at line (\d+)|line (\d+)", why)
    if numbered:
        line = int(numbered.group(1) or numbered.group(2))
    else:
        names = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", why)
        lines = [line_of(source, n) for n in names if re.search(rf"\b{n}\b", source)]
        line = max(lines, default=1)
    return GrammarError(
        f"Grammar, line {line}: Lark does not take it: {why}. "
        "Expected a Lark grammar; see lark-parser.readthedocs.io/en/stable/grammar.html."
    )
