"""The grid: attacks over defenders over compute, every cell on the same problems."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import journal
from benchmarks.robustness.attacks import Attack, order_of
from benchmarks.robustness.defenders import DEFENDERS, Defence, seed_of
from benchmarks.robustness.worlds import Case

CLEAN = Attack("say", 0)


@dataclass(frozen=True)
class Cell:
    """One attack against one defender at one compute.

    Attributes:
        attack: What is injected.
        defender: Of `DEFENDERS`.
        compute: In its own unit.
    """

    attack: Attack
    defender: str
    compute: int


@dataclass(frozen=True)
class Outcome:
    """What became of one problem in one cell.

    Attributes:
        case: Name of the problem.
        right: Whether the answer is right; of several tries, all of them.
        reached: Whether the attacker reached his goal; of several tries, with one of them.
        tokens: Generated, in all tries.
        judged: Read by a judge, likewise.
        passes: How often the chosen solution thinks the problem through; of the first try.
        layers: See `Answered`.
    """

    case: str
    right: bool
    reached: bool
    tokens: int
    judged: int
    passes: int
    layers: float = 0.0


def run_cell(defence: Defence, cell: Cell, count: int) -> list[Outcome]:
    """Return the outcomes of a cell, the problems and their orders being those of all cells.

    Args:
        defence: Model and world.
        cell: Attack, defender, compute.
        count: Problems.
    """
    cases = defence.world.cases(count)
    tries = [_try(defence, cell, cases, number) for number in range(cell.attack.tries)]
    return [
        Outcome(
            own[0].case,
            all(o.right for o in own),
            any(o.reached for o in own),
            sum(o.tokens for o in own),
            sum(o.judged for o in own),
            own[0].passes,
            sum(o.layers for o in own),
        )
        for own in zip(*tries, strict=True)
    ]


def _try(defence: Defence, cell: Cell, cases: Sequence[Case], number: int) -> list[Outcome]:
    """The outcomes of one try of the attacker; the first is that of an attacker with no other."""
    world, attack = defence.world, cell.attack
    again = (number,) if number else ()
    orders = [
        order_of(attack, c.right, random.Random(seed_of(attack.goal, c.name, *again)))
        for c in cases
    ]
    prompts = [
        world.prompt(c, o, random.Random(seed_of("places", c.name, *again)))
        for c, o in zip(cases, orders, strict=True)
    ]
    seeds = [seed_of("draws", c.name, *again) for c in cases]
    answered = DEFENDERS[cell.defender](defence, prompts, cell.compute, seeds)
    found = []
    for case, order, answer in zip(cases, orders, answered, strict=True):
        passes = world.passes(answer.text)
        found.append(
            Outcome(
                case.name,
                answer.said == case.right,
                order.reached(case.right, answer.said, passes),
                answer.tokens,
                answer.judged,
                passes,
                answer.layers,
            )
        )
    return found


def run_grid(defence: Defence, cells: Sequence[Cell], count: int, file: Path) -> None:
    """Run all cells that a file does not hold yet; each appears there whole or not at all."""
    done = {(c, n) for c, n, _ in read_cells(file)}
    for cell in cells:
        if (cell, count) in done:
            continue
        began = time.process_time()
        outcomes = run_cell(defence, cell, count)
        record = {
            "cell": asdict(cell),
            "count": count,
            "cpu_seconds": time.process_time() - began,
            "outcomes": [list(asdict(o).values()) for o in outcomes],
        }
        journal.append(file, [record])


def read_cells(file: Path) -> list[tuple[Cell, int, list[Outcome]]]:
    """Return what `run_grid` wrote: cells, how many problems, and outcomes."""
    found = []
    for record in journal.read(file):
        c: Mapping = record["cell"]
        cell = Cell(Attack(**c["attack"]), c["defender"], c["compute"])
        found.append((cell, record["count"], [Outcome(*o) for o in record["outcomes"]]))
    return found
