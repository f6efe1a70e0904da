"""The study of revisions on chained arithmetic: along the chain, by ratio, by level.

    python -m benchmarks.revising --out DIR --items 200 --solutions 16

Draws are kept in ``--out`` and not drawn again; ``report.md`` there holds the tables.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks import provenance
from benchmarks.argument_types import count
from benchmarks.markdown import interval_text
from benchmarks.revising.choosing import answered, sampled
from benchmarks.revising.drawing import LEVELS, Drawn, draw_problems
from benchmarks.strategies.trial import RememberedScorer
from domains.arithmetic.revising import REVISER
from domains.arithmetic.steps import answer
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.verifier import verifier
from smc.intervals import mean_interval
from smc.steps import StepScorer

Row = Mapping[str, Sequence[float]]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.revising")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--items", type=count, default=200)
    parser.add_argument("--solutions", type=count, default=16, help="N, a power of two")
    parser.add_argument("--threads", type=count, default=1)
    parser.add_argument("--reviser", type=Path, default=REVISER)
    options = parser.parse_args(arguments)
    import torch

    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    drawn = draw_problems(
        load_policy(options.reviser),
        load_policy(MODEL),
        options.items,
        options.solutions,
        options.out / f"drawn-{options.solutions}.jsonl",
    )
    page = report(drawn, options.solutions, RememberedScorer(verifier()))
    command = f"python -m benchmarks.revising --items {options.items} --solutions "
    machine = provenance.machine()
    facts = (
        f"commit {provenance.commit()}, {machine['cpu']}, {machine['cores']} cores, load "
        f"{machine['load']}, {provenance.now()}"
    )
    (options.out / "report.md").write_text(
        f"{page}\n`{command}{options.solutions} --out DIR`: {facts}.\n", encoding="utf-8"
    )
    print(page)


def report(drawn: Sequence[Drawn], solutions: int, scorer: StepScorer) -> str:
    """Return the tables of a study.

    Args:
        drawn: Of each problem.
        solutions: N, what was drawn for.
        scorer: The verifier.
    """
    return "\n".join(
        [
            "# Sequential revisions on chained arithmetic\n",
            _along(drawn, solutions),
            *(
                _ratios(drawn, n, scorer)
                for n in (2**k for k in range(2, solutions.bit_length(), 2))
            ),
        ]
    )


def _along(drawn: Sequence[Drawn], solutions: int) -> str:
    """Right answers at each place of the longest chain, and how many right ones are given up."""
    right = np.array(
        [[answer(t) == d.parsed.answer for t in d.chains[0][:solutions]] for d in drawn]
    )
    first = mean_interval([float(answer(d.parallel[0]) == d.parsed.answer) for d in drawn])
    lines = [
        f"{len(drawn)} problems of levels 2 to 5 in turn, one chain each; the policy alone is "
        f"right at {interval_text(first)}.\n",
        "| place in the chain | right | of right ones before, now wrong |",
        "| ---: | ---: | ---: |",
    ]
    for place in range(right.shape[1]):
        share = interval_text(mean_interval(right[:, place].astype(float).tolist()))
        lost = "–"
        if place and right[:, place - 1].any():
            given_up = ~right[right[:, place - 1], place]
            lost = interval_text(mean_interval(given_up.astype(float).tolist()))
        lines.append(f"| {place + 1} | {share} | {lost} |")
    return "\n".join(lines) + "\n"


def _ratios(drawn: Sequence[Drawn], solutions: int, scorer: StepScorer) -> str:
    """Right answers by level for each ratio, and for the ratio that other problems choose."""
    lines = [f"## {solutions} solutions\n"]
    for name, judge in (("votes", None), ("the verifier", scorer)):
        rows: dict[str, list[float]] = {
            "samples of the policy": [float(sampled(d, solutions, judge)) for d in drawn]
        }
        for k in range(solutions.bit_length()):
            label = f"{2**k} × {solutions >> k}"
            rows[label] = [float(answered(d, 2**k, solutions, judge)) for d in drawn]
        rows["chosen by level"] = _chosen(drawn, {n: r for n, r in rows.items() if "×" in n})
        lines += [
            f"Chosen by {name}; chains × attempts of each:\n",
            "| | all | " + " | ".join(f"level {level}" for level in LEVELS) + " |",
            "| --- |" + " ---: |" * (1 + len(LEVELS)),
            *(_row(name, drawn, row) for name, row in rows.items()),
            "",
        ]
    return "\n".join(lines)


def _chosen(drawn: Sequence[Drawn], rows: Row) -> list[float]:
    """What the ratio gives that was best on the other half of the problems of the level."""
    result = [0.0] * len(drawn)
    for level in LEVELS:
        own = [i for i, d in enumerate(drawn) if d.level == level]
        for here, others in ((own[::2], own[1::2]), (own[1::2], own[::2])):
            totals = {name: sum(row[i] for i in others) for name, row in rows.items()}
            best = max(totals, key=lambda name: totals[name])
            for i in here:
                result[i] = rows[best][i]
    return result


def _row(name: str, drawn: Sequence[Drawn], row: Sequence[float]) -> str:
    cells = [interval_text(mean_interval(row))]
    for level in LEVELS:
        own = [x for d, x in zip(drawn, row, strict=True) if d.level == level]
        cells.append(interval_text(mean_interval(own)) if own else "–")
    return f"| {name} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main()
