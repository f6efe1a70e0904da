"""A measurement: does the potential kill at an error? `python -m domains.ds1000.planting`.

References with one planted error each (an undefined name, a wrong column, shape or type, a missing
import) are weighed at the end of every statement. Where the error strikes is found without the
potential: the whole program is run once, statement by statement, in one fresh process.
"""

from __future__ import annotations

import argparse
import ast
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from domains.ds1000.check import DATA, statement_ends
from domains.ds1000.environment import interpreter, sandbox
from domains.ds1000.potential import RunsOnInputs
from domains.ds1000.program import unfinished
from domains.ds1000.statements import finished_statements
from domains.ds1000.task import Ds1000Item, Ds1000Task
from potentials.sandbox import Job, Outcome, Sandbox

KINDS = ("undefined name", "wrong column", "wrong shape", "wrong type", "missing import")
_NOT_RUN_HERE = (ast.FunctionDef, ast.ClassDef, ast.Lambda, ast.comprehension, ast.Try)
_WATCHED = """
import ast as _ast
_at = -1
try:
    for _at, _statement in enumerate(_ast.parse({text!r}).body):
        exec(compile(_ast.Module([_statement], []), "statement", "exec"))
    _at = -1
except Exception:
    pass
"""


@dataclass(frozen=True)
class Planted:
    """A program with an error.

    Attributes:
        item: Whose reference it was.
        kind: Of the error, one of `KINDS`.
        text: The program.
    """

    item: Ds1000Item
    kind: str
    text: str


def candidates(item: Ds1000Item) -> Iterator[Planted]:
    """Yield programs with something wrong in one statement; not all of them need raise."""
    text = item.problem.reference
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def edited(node: ast.expr | ast.stmt, new: str) -> str:
        assert node.end_lineno is not None and node.end_col_offset is not None
        begin = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        return text[:begin] + new + text[end:]

    # Columns are counted in bytes, so that only plain texts are edited at the right place.
    if item.harness.header or not text.isascii() or "\r" in text:
        return
    for statement in ast.parse(text).body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            yield Planted(item, KINDS[4], edited(statement, "pass"))
        for node in _run_here(statement):
            for kind, old, new in _changes(node):
                yield Planted(item, kind, edited(old, new))


def _run_here(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what is evaluated when a statement runs, and surely."""
    if isinstance(node, _NOT_RUN_HERE):
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _run_here(child)


def _changes(node: ast.AST) -> Iterator[tuple[str, ast.expr, str]]:
    """Yield the kind of an error, the expression that it takes the place of, and its text."""
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        yield KINDS[0], node, "undefined_name"
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        key = node.slice
        if isinstance(key, ast.Constant) and isinstance(key.value, str):
            yield KINDS[1], key, "'no such column'"
    if isinstance(node, ast.Call):
        for given in node.args:
            if isinstance(given, ast.Name):
                yield KINDS[2], given, f"__import__('numpy').ones((5, 7)).dot({given.id})"
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        yield KINDS[3], node.value, "(object())"


def strikes_at(planted: Planted, runner: Sandbox) -> int | None:
    """Return the number of the statement that raises, from 0; None if none does."""
    text = planted.item.harness.kept(planted.text)
    raising: list[int] = []
    for case in range(1, planted.item.harness.cases + 1):
        given = unfinished(planted.item.harness, case, ())
        watched = _WATCHED.format(text=text)
        result = runner.run(Job((*given.pieces, watched), result="_at", reuse=False))
        if result.outcome is not Outcome.OK:
            return None
        if result.value >= 0:
            raising.append(result.value)
    return min(raising, default=None)


def killed_at(planted: Planted, runner: Sandbox) -> int | None:
    """Return the number of the statement at whose end the potential kills; None: it never does."""
    potential, text = RunsOnInputs(planted.item.harness, runner), planted.text
    for end in statement_ends(text):
        if potential.prefix(text[:end]) != 0.0:
            kept = planted.item.harness.kept(text[:end])
            return len(finished_statements(kept, indented=False)) - 1
    kept = planted.item.harness.kept(text)
    last = len(ast.parse(kept).body) - 1
    return last if potential.complete(text) != 0.0 else None


def drawn(items: Sequence[Ds1000Item], seed: int) -> Iterator[Planted]:
    """Yield candidates, the kinds in turn as long as they last, in an order fixed by the seed."""
    rng = np.random.default_rng(seed)
    everything = [p for item in items for p in candidates(item)]
    shuffled = [everything[i] for i in rng.permutation(len(everything))]
    by_kind = {kind: [p for p in shuffled if p.kind == kind] for kind in KINDS}
    while any(by_kind.values()):
        for kind in KINDS:
            if by_kind[kind]:
                yield by_kind[kind].pop()


def _when(killed: int | None, at: int) -> str:
    if killed is None:
        return "never"
    return "there" if killed == at else "before" if killed < at else "later"


def main(argv: Sequence[str] | None = None) -> int:
    """Plant errors and count where they are found; return 1 if under 95% at their statement."""
    parser = argparse.ArgumentParser(prog="python -m domains.ds1000.planting", description=__doc__)
    parser.add_argument("--data", type=Path, help="root of the data sets (default: SMC_DATA)")
    parser.add_argument("--programs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(argv)
    root = arguments.data or Path(os.environ.get("SMC_DATA", DATA))
    try:
        items, runner = Ds1000Task().items(None, root), sandbox(interpreter())
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    counts: Counter[tuple[str, str]] = Counter()
    for planted in drawn(items, arguments.seed):
        if sum(counts.values()) >= arguments.programs:
            break
        at = strikes_at(planted, runner)
        if at is None:
            continue
        killed = killed_at(planted, runner)
        when = _when(killed, at)
        counts[planted.kind, when] += 1
        if when != "there":
            print(f"{planted.item.id}  {planted.kind}: killed {when}", flush=True)
    print(f"{'':16}{'programs':>10}{'there':>8}{'later':>8}{'before':>8}{'never':>8}")
    for kind in KINDS:
        row = [counts[kind, when] for when in ("there", "later", "before", "never")]
        print(f"{kind:16}{sum(row):>10}" + "".join(f"{n:>8}" for n in row))
    there = sum(n for (_, when), n in counts.items() if when == "there")
    print(f"{there} of {sum(counts.values())} were killed at the statement with the error.")
    return int(there < 0.95 * sum(counts.values()))


if __name__ == "__main__":
    sys.exit(main())
