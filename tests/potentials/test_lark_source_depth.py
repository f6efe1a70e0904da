"""Grammars nested deeply, or long: translated, or refused with a message, never a bare error."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from potentials.grammar.lark import translate
from smc.errors import GrammarError


def deep_expression(n: int) -> str:
    return f"start: A\nA: /{'(a|' * n}b{')' * n}/"


def deep_repeat(n: int) -> str:
    return f"start: A\nA: /b{'(' * n}a{'c)?' * n}/"


def deep_rule(n: int) -> str:
    return f'start: {"(" * n}"a"{" b)" * n}\nb: "b"'


def deep_terminal(n: int) -> str:
    return f'start: A\nA: {"(" * n}"a"{" | /b/)" * n}'


def chain_of_rules(n: int) -> str:
    steps = "\n".join(f'r{i}: r{i + 1} | "x" r{i}' for i in range(n))
    return f'start: r0\n{steps}\nr{n}: "y"'


def chain_of_terminals(n: int) -> str:
    steps = "\n".join(f'T{i}: T{i + 1} "x"' for i in range(n))
    return f'start: T0\n{steps}\nT{n}: "y"'


def chain_with_conflicts(n: int) -> str:
    steps = "\n".join(f'r{i}: r{i + 1} r{i + 1} | "x"' for i in range(n))
    return f'start: r0\n{steps}\nr{n}: "x" | "x" "x"'


def long_sequence(n: int) -> str:
    return f"start: {' '.join(['A'] * n)}\nA: /a/"


def long_text(n: int) -> str:
    return f'start: "{"ab" * n}" | /{"cd" * n}/'


SHAPES = [
    deep_expression,
    deep_repeat,
    deep_rule,
    deep_terminal,
    chain_of_rules,
    chain_of_terminals,
    chain_with_conflicts,
    long_sequence,
    long_text,
]


@pytest.mark.parametrize("depth", [3, 90, 600])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda s: s.__name__)
def test_depth_is_no_bare_error(shape: Callable[[int], str], depth: int) -> None:
    if shape is chain_with_conflicts and depth > 90:
        pytest.skip("is ambiguous in as many ways as there are rules, and takes long")
    try:
        translated = translate(shape(depth))
    except GrammarError as error:
        assert depth > 3, error
        assert "line" in str(error)
    else:
        assert translated.llguidance
