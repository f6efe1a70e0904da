"""Serialisation of productions in llguidance's dialect of Lark."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from potentials.grammar.lark.productions import Rules
from potentials.grammar.left_factoring import left_factored

HEADER = '%llguidance {"no_forcing": true, "allow_initial_skip": true}'


def write(rules: Rules, start: str, lexemes: Mapping[str, str], ignore: Sequence[str] = ()) -> str:
    """Return the text.

    Args:
        rules: Productions; every terminal named is a key of `lexemes`.
        start: The start symbol.
        lexemes: For each terminal the right-hand side of its definition.
        ignore: Terminals that may stand anywhere, also before and after everything.
    """
    rule_names = _names(rules, "r", str.lower)
    terminal_names = _names(lexemes, "T", str.upper)
    lines = [HEADER]
    if ignore:
        # llguidance skips between lexemes but not at the end, where nothing more may follow.
        lines.append(f"start: {rule_names[start]} after_all")
        skipped = " | ".join(f"after_all {terminal_names[t]}" for t in ignore)
        lines.append(f'after_all: "" | {skipped}')
    else:
        lines.append(f"start: {rule_names[start]}")
    named = {
        rule_names[name]: [
            tuple(terminal_names[n] if terminal else rule_names[n] for n, terminal in p)
            for p in productions
        ]
        for name, productions in rules.items()
    }
    for name, bodies in left_factored(named).items():
        lines.append(f"{name}: " + "\n  | ".join(" ".join(b) or '""' for b in bodies))
    lines += [f"{terminal_names[name]}: {text}" for name, text in lexemes.items()]
    lines += [f"%ignore {terminal_names[t]}" for t in ignore]
    return "\n".join(lines) + "\n"


def _names(keys: Mapping[str, object], letter: str, case: object) -> dict[str, str]:
    """Return a name for each key that is plain ASCII, unique, and still tells what it was."""
    out: dict[str, str] = {}
    for i, key in enumerate(keys):
        plain = re.sub(r"[^A-Za-z0-9]+", "_", key).strip("_")
        plain = plain.lower() if case is str.lower else plain.upper()
        out[key] = f"{letter}{i}_{plain}" if plain else f"{letter}{i}"
    return out
