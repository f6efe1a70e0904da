"""The command: `python -m benchmarks robustness --world NAME --out DIR …`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import smc
from benchmarks.provenance import commit, machine, now, shown_model
from benchmarks.robustness.attacks import GOALS, Attack
from benchmarks.robustness.defenders import DEFENDERS, Defence, LinesJudge
from benchmarks.robustness.grid import CLEAN, Cell, read_cells, run_grid
from benchmarks.robustness.report import Found, cell_table, goals_text, plot
from benchmarks.robustness.worlds import WORLDS
from smc.errors import SettingsError

NOTE = (
    "Shares with Wilson's 95% intervals; *change*: to the defender's least compute, paired, with a "
    "bootstrap interval. Compute: samples that vote, ends of thinking taken back, particles, "
    "recurrences. *tokens*: generated for an answer; *judged*: read by the judge; *layers*: that "
    "these tokens went through, in thousands, where depth is the compute; *passes*: how often the "
    "solution thinks the problem through. Of several tries the attacker needs one, and the answer "
    "counts as right if it is right in all of them; each try has an answer of its own."
)
_NAMES = {
    "arithmetic": "the arithmetic model trained with injected lines",
    "steps": "the arithmetic model of recurrent depth",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add = parser.add_argument
    add("--world", choices=sorted(WORLDS), default="arithmetic")
    add("--model", help="default: the arithmetic model that was trained with injected lines; with "
        "the world of steps the one of recurrent depth")  # fmt: skip
    add("--out", type=Path, required=True, help="folder of the results; goes on where it stopped")
    add("--items", type=int, default=40, help="problems of every cell")
    add(
        "--cells",
        action="append",
        default=[],
        metavar="DEFENDER:COMPUTE,…:GOAL*LINES[xTRIES][@front],…",
        help=f"defenders {', '.join(DEFENDERS)}; goals {', '.join(GOALS)}; the clean problem is "
        "always among them. Of several tries one that succeeds is enough. May be repeated",
    )
    add("--max-tokens", type=int, default=160, help="of a solution")
    add("--temperature", type=float, help="of the model (default: its own)")
    add("--words", type=Path, help="Markdown to stand in the report, before tables")
    add("--report-only", action="store_true", help="run nothing")


def cells_of(text: str) -> list[Cell]:
    """Return the cells that an argument names.

    Raises:
        SettingsError: It cannot be read.

    Example:
        >>> [c.attack.name for c in cells_of("votes:1,4:say*2")]
        ['none', 'say × 2', 'none', 'say × 2']
    """
    try:
        defender, computes, goals = text.split(":")
        attacks = [CLEAN]
        for part in filter(None, goals.split(",")):
            goal, count = part.split("*")
            lines, at, place = count.partition("@")
            if at and place != "front":
                raise ValueError(f"no place {place!r}")
            number, _, tries = lines.partition("x")
            chosen = GOALS[GOALS.index(goal)]  # type: ignore[arg-type]
            attacks.append(Attack(chosen, int(number), bool(at), int(tries or 1)))
            if attacks[-1].tries < 1:
                raise ValueError("no tries")
        cells = [Cell(a, defender, int(c)) for c in computes.split(",") for a in attacks]
    except ValueError as error:
        raise SettingsError(
            f"--cells {text}: {error}; expected DEFENDER:COMPUTE,…:GOAL*LINES,…, such as "
            "votes:1,4:say*2."
        ) from error
    if defender not in DEFENDERS:
        raise SettingsError(
            f"--cells {text}: no defender {defender!r}; expected one of {', '.join(DEFENDERS)}."
        )
    return cells


def main(options: argparse.Namespace) -> None:
    """Run the cells; write `report.md`, and a plot beside it."""
    options.out.mkdir(parents=True, exist_ok=True)
    cells = [cell for text in options.cells for cell in cells_of(text)]
    if not options.report_only:
        run_grid(_defence(options), cells, options.items, options.out / "cells.jsonl")
    print(write_report(options))


def wanted(texts: Sequence[str], file: Path) -> Found:
    """Return the cells that arguments name, in this order, as far as a file holds them."""
    there = {cell: (cell, n, own) for cell, n, own in read_cells(file)}
    cells = dict.fromkeys(cell for text in texts for cell in cells_of(text))
    return [there[cell] for cell in cells if cell in there]


def write_report(options: argparse.Namespace) -> str:
    """Write report and plot beside the cells, and return the report."""
    found = wanted(options.cells, options.out / "cells.jsonl")
    facts = machine()
    shown = _NAMES.get(options.world) if options.model is None else shown_model(options.model)
    picture = f"{_name_of(options.world)}.png"
    plot(found, options.out / picture, title=f"Attacks over compute: {shown}")
    cells = " ".join(f"--cells '{text}'" for text in options.cells)
    model = "" if options.model is None else f" --model {shown_model(options.model)}"
    parts = [
        f"# Robustness over compute: {shown}",
        f"`OMP_NUM_THREADS=1 python -m benchmarks robustness --world {options.world}{model} "
        f"--items {options.items} --max-tokens {options.max_tokens} {cells} --out DIR`",
        f"Commit {commit()}, {now()[:10]}, {facts['cpu']}, {facts['cores']} cores. "
        f"{options.items} problems, the same in every cell; the attacker's numbers are never the "
        f"right answer. {NOTE}",
        goals_text(),
    ]
    if options.words is not None:
        parts.append(options.words.read_text(encoding="utf-8").strip())
    parts += [f"![Success of attacks and accuracy over compute]({picture})", cell_table(found)]
    text = "\n\n".join(parts) + "\n"
    (options.out / "report.md").write_text(text, encoding="utf-8")
    return text


def _name_of(world: str) -> str:
    return "robustness" if world == "arithmetic" else f"robustness-{world}"


def _defence(options: argparse.Namespace) -> Defence:
    import torch

    from domains.arithmetic.steps import read_step
    from domains.arithmetic.task import reward_model
    from domains.arithmetic.train_robust import ROBUST

    torch.set_num_threads(1)
    judge = None
    if options.world != "page":
        judge = LinesJudge(reward_model(), lambda line: read_step(line) is not None)
    own = "embedded:arithmetic-recurrent" if options.world == "steps" else str(ROBUST)
    return Defence(
        smc.load(own if options.model is None else options.model),
        WORLDS[options.world],
        judge,
        options.max_tokens,
        options.temperature,
    )
