"""`smc calibrate`: which strategy is best for which difficulty and budget, measured and stored."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Hashable

from rich.console import Console

from smc.backends.load_arguments import load_options
from smc.cli.files import check_writable, read
from smc.cli.generate import unescape
from smc.cli.output import quiet_libraries, show_table
from smc.cli.solve import reward_by_options
from smc.errors import SettingsError
from smc.integrations.answers import answer_of
from smc.integrations.solving import asked, room_for
from smc.pages.markup import number
from smc.steps.token_steps import TokenSteps
from smc.strategies.calibration import Calibration, CalibrationProblem, calibrate
from smc.strategies.options import Options
from smc.strategies.solve import WRITING, MarkBoundary, plan_of, strategy_name

_QUESTIONS = ("question", "problem", "prompt")


def run_calibration(options: argparse.Namespace) -> bool:
    """Run the command; return False."""
    names = [strategy_name(name, True) for name in options.strategies.split(",")]
    for name in names:
        if name in WRITING:
            raise SettingsError(
                f"--strategies: {name} writes whole texts; expected strategies over steps."
            )
    sizes = _sizes("--budgets", options.budgets)
    answer_of(options.answer)
    rows = _rows(options.problems, options.limit)
    check_writable(options.out, "--out")
    loading = load_options(options)
    quiet_libraries()
    from smc import load

    model = load(options.model, **loading)
    reward = reward_by_options(options, model, loading)
    if reward is None:
        raise SettingsError("--reward: got none, and no --judge; expected what solutions go by.")
    problems = [
        CalibrationProblem(
            f"{place}", asked(model, question, options.answer, options.instructions, options.chat),
            _check(options.answer, gold),
        )
        for place, (question, gold) in enumerate(rows)
    ]  # fmt: skip
    longest = options.max_tokens or min(
        room_for(model, problem.prompt, quotes=False) for problem in problems
    )
    depths = _depths(options.depths)
    plans = dict.fromkeys(
        plan_of(name, size, own) for size in sizes for name in names for own in depths
    )
    began = time.monotonic()

    def tell(count: int, rate: float) -> None:
        gone = time.monotonic() - began
        left = gone / count * (len(problems) - count)
        print(
            f"calibrate: {count} of {len(problems)} problems, pass@1 {rate:.2f}; "
            f"{gone:.0f} s gone, about {left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )

    found = calibrate(
        TokenSteps(model, MarkBoundary(unescape(options.mark)), max_tokens=longest),
        problems,
        reward,
        plans=list(plans),
        sizes=sizes,
        model_name=options.model,
        reward_name=options.reward or f"{options.judge} judge",
        num_samples=options.samples,
        bins=options.bins,
        options=Options(answer=answer_of(options.answer)),
        seed=options.seed,
        on_problem=None if options.quiet else tell,
    )
    found.choice.save(options.out)
    _show(Console(), found)
    print(f"\nchoice: {options.out} (smc.strategies.ComputeOptimal.load)")
    return False


def _show(console: Console, found: Calibration) -> None:
    choice = found.choice
    bounds = [1.0, *choice.thresholds]
    rows = []
    for (bin_, budget), best in sorted(choice.choices.items()):
        settings = " ".join(f"{n}={v}" for n, v in best.plan.settings)
        least = choice.thresholds[bin_] if bin_ < len(choice.thresholds) else 0.0
        rows.append(
            [
                f"{number(least)} to {number(bounds[bin_])}",
                str(best.items),
                f"{budget:g}",
                f"{best.plan.strategy} N={best.plan.num_solutions} {settings}".strip(),
                number(best.accuracy),
                number(best.cross_validated),
                f"{best.tokens:.0f}",
            ]
        )
    header = ("pass@1", "problems", "budget", "best", "accuracy", "unseen", "tokens")
    show_table(console, header, rows, numeric=(1, 2, 4, 5, 6))
    print("\naccuracy is of the problems that the choice was made on; unseen is cross-validated.")


def _rows(path: str, limit: int | None) -> list[tuple[str, str]]:
    """Question and answer of each line of a file."""
    rows = []
    for place, line in enumerate(read(path, "--problems").splitlines(), 1):
        if not line.strip():
            continue
        where = f"--problems {path}, line {place}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise SettingsError(f"{where}: no JSON: {error}; expected an object a line.") from error
        name = next((n for n in _QUESTIONS if isinstance(record, dict) and n in record), None)
        if name is None or "answer" not in record:
            raise SettingsError(
                f"{where}: got {line[:80]!r}; expected an object with `question` and `answer`."
            )
        rows.append((str(record[name]), str(record["answer"])))
    if (limit is not None and limit < 2) or len(rows) < 2:
        raise SettingsError(f"--problems {path}: expected two problems or more, got {len(rows)}.")
    return rows[:limit]


def _check(how: str, gold: str) -> Callable[[Hashable], bool]:
    """Whether an answer is the gold one, by the same reading of both."""
    if how in ("math", "last_number"):
        from potentials.mathematics import equal, extract

        known = extract(gold) if "####" in gold else gold
        return lambda answer: equal(known or gold, str(answer))
    return lambda answer: str(answer).strip() == gold.strip()


def _depths(given: str | None) -> list[dict[str, int]]:
    """Settings of plans, one for each depth; one without any where none is given."""
    return [{}] if given is None else [{"depth": depth} for depth in _sizes("--depths", given)]


def _sizes(option: str, given: str) -> list[int]:
    try:
        sizes = sorted({int(part) for part in given.split(",")})
    except ValueError:
        sizes = [0]
    if sizes[0] < 1:
        raise SettingsError(f"{option} {given}: expected whole numbers above 0, such as 1,4,16.")
    return sizes
