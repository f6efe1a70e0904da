"""A check of the environment on the references: `python -m domains.ds1000.check`.

For each problem that the environment can run: the reference passes the tests; no answer, and the
reference of another problem, do not; and the potential kills neither the reference nor any
beginning of it that ends with a statement. What is otherwise is listed with its cause.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from domains.ds1000.environment import interpreter, sandbox
from domains.ds1000.potential import RunsOnInputs
from domains.ds1000.scoring import judge
from domains.ds1000.statements import answer_statements
from domains.ds1000.task import Ds1000Item, Ds1000Task
from potentials.sandbox import Sandbox

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
"""Where the data sets are by default: beside the checkout."""
REFERENCE, EMPTY, OTHER, PREFIX = "reference fails", "empty passes", "other passes", "killed"


@dataclass(frozen=True)
class Finding:
    """Something that should not be.

    Attributes:
        item: Id of the problem.
        library: Of the problem.
        kind: What it is: `REFERENCE`, `EMPTY`, `OTHER` or `PREFIX`.
        cause: On one line.
    """

    item: str
    library: str
    kind: str
    cause: str


def statement_ends(text: str) -> list[int]:
    """Return the lengths of the beginnings of a text that end with a statement."""
    boundary = answer_statements()
    state, ends = boundary.start(), []
    for at, char in enumerate(text, start=1):
        state, fires = boundary.advance(state, char)
        if fires:
            ends.append(at)
    return ends


def examine(item: Ds1000Item, other: Ds1000Item, runner: Sandbox) -> Iterator[Finding]:
    """Yield what is wrong with one problem.

    Args:
        item: The problem.
        other: Whose reference is no answer to it.
        runner: With the versions that the harness was written for.
    """

    def finding(kind: str, cause: str) -> Finding:
        return Finding(item.id, item.problem.library, kind, cause)

    reference = item.problem.reference
    verdict = judge(item.problem, reference, runner)
    if not verdict.correct:
        yield finding(REFERENCE, verdict.cause)
        return
    if judge(item.problem, "", runner).correct:
        yield finding(EMPTY, "its tests accept an empty answer")
    foreign = other.problem.reference
    if foreign != reference and judge(item.problem, foreign, runner).correct:
        yield finding(OTHER, f"its tests accept the reference of {other.id}")
    potential = RunsOnInputs(item.harness, runner)
    ends = statement_ends(reference)
    for end, value in zip(ends, potential.batch_prefix([reference[:e] for e in ends]), strict=True):
        if value != 0.0:
            yield finding(PREFIX, f"the beginning of {end} characters has log weight {value}")
    if (value := potential.complete(reference)) != 0.0:
        yield finding(PREFIX, f"the whole has log weight {value}")


def others(items: Sequence[Ds1000Item]) -> list[Ds1000Item]:
    """Return for each problem another one: of its library, halfway round, with another reference.

    Neighbours are often variants of one question, which may well share an answer.
    """
    chosen: list[Ds1000Item] = []
    for item in items:
        own = sorted(
            (i for i in items if i.problem.library == item.problem.library), key=lambda i: i.id
        )
        at = own.index(item) + len(own) // 2
        turned = [*own[at % len(own) :], *own[: at % len(own)]]
        different = (i for i in turned if i.problem.reference != item.problem.reference)
        chosen.append(next(different, item))
    return chosen


def report(items: Sequence[Ds1000Item], findings: Iterable[Finding], prefixes: int) -> str:
    """Return the totals, by library."""
    counts = Counter((f.library, f.kind) for f in findings)
    lines = [f"{'':12}{'problems':>10}{REFERENCE:>17}{PREFIX:>8}{EMPTY:>14}{OTHER:>14}"]
    for library in dict.fromkeys(i.problem.library for i in items):
        number = sum(i.problem.library == library for i in items)
        lines.append(
            f"{library:12}{number:>10}{counts[library, REFERENCE]:>17}"
            f"{counts[library, PREFIX]:>8}{counts[library, EMPTY]:>14}{counts[library, OTHER]:>14}"
        )
    return "\n".join([*lines, f"{prefixes} beginnings of references were weighed."])


def main(argv: Sequence[str] | None = None) -> int:
    """Check the problems; return 1 if a reference fails or is killed, else 0."""
    parser = argparse.ArgumentParser(prog="python -m domains.ds1000.check", description=__doc__)
    parser.add_argument("--data", type=Path, help="root of the data sets (default: SMC_DATA)")
    parser.add_argument("--limit", type=int, help="the first so many problems (default: all)")
    arguments = parser.parse_args(argv)
    task = Ds1000Task()
    root = arguments.data or Path(os.environ.get("SMC_DATA", DATA))
    try:
        items, left_out = task.items(arguments.limit, root), task.left_out(root)
        runner = sandbox(interpreter())
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(runner.walls)
    for reason, number in Counter(left_out.values()).items():
        print(f"{number} left out: {reason}")
    findings: list[Finding] = []
    prefixes = 0
    paired = zip(items, others(task.items(None, root))[: len(items)], strict=True)
    for done, (item, other) in enumerate(paired):
        if done % 50 == 0:
            print(f"{done} of {len(items)}", file=sys.stderr)
        prefixes += len(statement_ends(item.problem.reference)) + 1
        for finding in examine(item, other, runner):
            print(f"{finding.item}  {finding.library}  {finding.kind}: {finding.cause}", flush=True)
            findings.append(finding)
    print(report(items, findings, prefixes))
    return int(any(f.kind in (REFERENCE, PREFIX) for f in findings))


if __name__ == "__main__":
    sys.exit(main())
