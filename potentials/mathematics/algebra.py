"""Computer algebra in the sandbox: equality and canonical forms by `math-verify`.

An answer is text of a language model, and a computer algebra system can be made to compute for
ever, so it runs under limits; what exceeds them is not equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from potentials.sandbox import Job, Limits, Sandbox

if TYPE_CHECKING:
    from potentials.sandbox import RunResult

LIMITS = Limits(wall_seconds=10.0, cpu_seconds=3.0, processes=1)

_PROGRAM = """\
import logging
logging.disable(logging.CRITICAL)
import math_verify
from math_verify import grader
from sympy import Float, MatrixBase

library_numeric_eq = grader.sympy_numeric_eq

def numeric_eq(a, b, float_rounding, numeric_precision):
    # The library compares to 15 decimal places, and decimals to 6, so that all small numbers are
    # one; what it takes for equal must also agree in its first digits.
    if not library_numeric_eq(a, b, float_rounding, numeric_precision):
        return False
    if isinstance(a, MatrixBase) or isinstance(b, MatrixBase):
        return True  # its elements were compared by this function
    # 50% is 1/2, and 50 too.
    return any(alike(x, y) for x in readings(a) for y in readings(b))

def readings(a):
    percent = grader.get_pct_val(a)
    return [grader.safe_sympy_doit(a)] + ([] if percent is None else [percent])

def alike(a, b):
    if (a - b).free_symbols:
        return False  # which is for the symbolic comparison to say
    size = max(abs(a.evalf(30)), abs(b.evalf(30)))
    share = 1e-4 if a.has(Float) or b.has(Float) else 1e-12
    return bool(abs((a - b).evalf(30)) <= share * size)

grader.sympy_numeric_eq = numeric_eq

def read(text):
    return math_verify.parse("\\\\boxed{" + text + "}", parsing_timeout=None)

def same(gold, answer):
    # Of a relation and an interval the library takes the relation for gold alone.
    a, b = read(gold), read(answer)
    return any(math_verify.verify(x, y, timeout_seconds=None) for x, y in ((a, b), (b, a)))

def canonical(text):
    expressions = [e for e in read(text) if not isinstance(e, str)]
    return str(expressions[0]) if expressions else None

same("\\\\frac{1}{2}", "0.5")  # builds the parser's tables, once for all that are forked from here
"""


def ask(calls: Sequence[tuple[str | None, ...]]) -> list[RunResult]:
    """Call functions of the program in the sandbox, by name and arguments."""
    jobs = [
        Job((_PROGRAM, f"out = {name}({', '.join(map(repr, arguments))})\n"), result="out")
        for name, *arguments in calls
    ]
    return _sandbox().run_many(jobs) if jobs else []


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    return Sandbox(imports=("math_verify",), limits=LIMITS)
