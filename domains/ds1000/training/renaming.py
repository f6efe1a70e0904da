"""Renaming of variables, so that a model learns to look names up, not to know them."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Mapping, Sequence

import numpy as np

VARIABLES = (
    "df data a b x y z arr s X A B m v w n k t values frame table series matrix vec mask rows cols "
    "left right first second out res tmp items points labels weights scores names dates keys"
).split()
WORDS = (
    "A B C D id key val value name col1 col2 col3 group cat kind type day date time city user "
    "price cost count total score rank age sex size a b c x y z one two three foo bar left right "
    "label target speed weight height year month Temp Unit Code State"
).split()
SHARE = 0.7
"""Of the names of a program that get another one."""

_WORD = re.compile(r"[A-Za-z_]\w{0,14}")


def renamed(
    statements: Sequence[ast.stmt], rng: np.random.Generator
) -> tuple[list[ast.stmt], list[str]]:
    """Return a copy of a program with other variables and other words in its strings.

    Only names that the program itself assigns are changed, and only words that stand in at least
    two of its strings: column names, mostly.

    Returns:
        The statements, and the variables assigned, in order of their first assignment.
    """
    nodes = [node for statement in statements for node in ast.walk(statement)]
    assigned = list(
        dict.fromkeys(
            n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
        )
    )
    used = {n.id for n in nodes if isinstance(n, ast.Name)} | {
        n.arg for n in nodes if isinstance(n, ast.arg)
    }
    words = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    repeated = [
        w for w in dict.fromkeys(words) if words.count(w) > 1 and _WORD.fullmatch(w) is not None
    ]
    variables = _drawn(assigned, VARIABLES, used, rng)
    change = _Change(variables, _drawn(repeated, WORDS, set(words), rng))
    return (
        [change.visit(copy.deepcopy(s)) for s in statements],
        [variables.get(name, name) for name in assigned],
    )


def _drawn(
    old: Sequence[str], choices: Sequence[str], taken: set[str], rng: np.random.Generator
) -> dict[str, str]:
    free = [c for c in choices if c not in taken]
    chosen = [o for o in old if rng.random() < SHARE][: len(free)]
    new = rng.choice(len(free), len(chosen), replace=False) if chosen else []
    return {o: free[int(i)] for o, i in zip(chosen, new, strict=True)}


class _Change(ast.NodeTransformer):
    def __init__(self, variables: Mapping[str, str], words: Mapping[str, str]) -> None:
        self.variables, self.words = variables, words

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self.variables.get(node.id, node.id)
        return node

    def visit_Constant(self, node: ast.Constant) -> ast.Constant:
        if isinstance(node.value, str):
            node.value = self.words.get(node.value, node.value)
        return node
