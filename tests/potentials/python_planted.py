"""Small numpy and pandas programs, and the same with one error in one statement."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

SETUP = """
import numpy as np
import pandas as pd
df = pd.DataFrame({"name": list("abcdef"), "age": [31, 25, 47, 52, 38, 29],
                   "city": ["x", "y", "x", "z", "y", "x"], "pay": [1.5, 2.0, 3.5, 4.0, 2.5, 1.0]})
"""
COLUMNS = ("age", "pay")
KINDS = ("undefined name", "wrong column", "wrong shape", "wrong type", "missing import")


@dataclass(frozen=True)
class Planted:
    """A program as its statements, each with its newline, and where its error is.

    Attributes:
        good: The program without the error.
        bad: The program with it.
        at: Index of the statement with the error.
        kind: One of `KINDS`.
    """

    good: tuple[str, ...]
    bad: tuple[str, ...]
    at: int
    kind: str


def planted_programs(count: int, seed: int) -> list[Planted]:
    """Return programs of 4 to 10 statements, the kinds of error in turn."""
    rng = random.Random(seed)
    return [_planted(rng, KINDS[n % len(KINDS)]) for n in range(count)]


def _planted(rng: random.Random, kind: str) -> Planted:
    good = tuple(_statement(rng, k) for k in range(rng.randint(4, 10)))
    at = rng.randrange(len(good))
    wrong = _ERRORS[kind](rng, good[at], at)
    return Planted(good, (*good[:at], wrong, *good[at + 1 :]), at, kind)


def _statement(rng: random.Random, k: int) -> str:
    """A statement that defines v<k> and uses only what is always there."""
    a, b = rng.choice(COLUMNS), rng.choice(COLUMNS)
    n = rng.randint(2, 9)
    makers = (
        f"v{k} = df['{a}'].mean() + {n}\n",
        f"v{k} = df.groupby('city')['{a}'].sum()\n",
        f"v{k} = df[df['{a}'] > {n}].sort_values('{b}')\n",
        f"v{k} = np.arange({n}).reshape(1, {n}) * 2\n",
        f"v{k} = np.dot(np.ones((2, {n})), np.ones(({n}, 3)))\n",
        f"v{k} = (df\n      .assign(twice=2 * df['{a}'])\n      .sort_values('{b}'))\n",
        f"v{k} = [len(s) * {n} for s in df['name']]\n",
        f"def v{k}(x):\n    return x * {n}\n\nv{k} = v{k}(df['{a}'].max())\n",
        f"if df['{a}'].max() > {n}:\n    v{k} = 'a'\nelse:\n    v{k} = 'b'\nv{k} = v{k} + '!'\n",
        f"v{k} = 0\nfor age in df['{a}']:\n    v{k} += age * {n}\nv{k} = int(v{k})\n",
        f"try:\n    v{k} = df['none']\nexcept KeyError:\n    v{k} = df['{a}']\nv{k} = v{k} * {n}\n",
        f"with np.errstate(all='ignore'):\n    v{k} = np.log(df['{a}'])\nv{k} = v{k}.sum()\n",
    )
    return rng.choice(makers)


def _undefined(rng: random.Random, good: str, at: int) -> str:
    return rng.choice(
        (
            f"v{at} = missing_{at} + 1\n",
            f"v{at} = dff['age'].sum()\n",
            f"v{at} = [undefined_{at} for _ in range(3)]\n",
            good.replace("df[", "frame[", 1) if "df[" in good and "try" not in good else "v = w\n",
        )
    )


def _column(rng: random.Random, good: str, at: int) -> str:
    if "try" not in good and "def " not in good and re.search(r"'(age|pay|city)'", good):
        return re.sub(r"'(age|pay|city)'", "'salary'", good, count=1)
    return rng.choice((f"v{at} = df['Age'].sum()\n", f"v{at} = df.groupby('town')['age'].sum()\n"))


def _shape(rng: random.Random, good: str, at: int) -> str:
    n = rng.randint(2, 9)
    return rng.choice(
        (
            f"v{at} = np.arange({n}).reshape({n + 1}, -1)\n",
            f"v{at} = np.dot(np.ones((2, {n})), np.ones(({n + 1}, 3)))\n",
            f"v{at} = np.ones({n}) + np.ones({n + 1})\n",
            f"v{at} = np.concatenate([np.ones((2, {n})), np.ones((2, {n + 1}))], axis=0)\n",
            f"df['v{at}'] = np.zeros({n + 10})\n",
        )
    )


def _type(rng: random.Random, good: str, at: int) -> str:
    return rng.choice(
        (
            f"v{at} = 'total: ' + df['age'].sum()\n",
            f"v{at} = len(df['age'].max())\n",
            f"v{at} = df['pay'].round('two')\n",
            f"v{at} = sum(df['name'])\n",
            f"v{at} = np.sqrt('four')\n",
            f"for i in df['age'].count():\n    v{at} = i\nv{at} = 1\n",
        )
    )


def _import(rng: random.Random, good: str, at: int) -> str:
    return rng.choice(
        (
            f"v{at} = math.sqrt(df['age'].max())\n",
            f"v{at} = re.sub('a', 'b', 'abc')\n",
            f"v{at} = datetime.date(2020, 1, {at + 1})\n",
            f"from collections import Countr{at}\n",
            f"import nump{at}\n",
        )
    )


_ERRORS: dict[str, Callable[[random.Random, str, int], str]] = {
    "undefined name": _undefined,
    "wrong column": _column,
    "wrong shape": _shape,
    "wrong type": _type,
    "missing import": _import,
}
