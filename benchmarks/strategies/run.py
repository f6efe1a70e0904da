"""Running the experiment: resumable, one line a problem, judge and seed."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import provenance
from benchmarks.store import Store
from benchmarks.strategies.plans import LOOKAHEAD, SWEEPS, TEMPERATURE, WIDTH
from benchmarks.strategies.trial import RememberedScorer, run_item
from domains.arithmetic.scorers import NoisyScorer, OracleScorer
from domains.arithmetic.splits import Split
from domains.arithmetic.task import ArithmeticTask
from potentials.boundaries import lines
from smc.backends.token_steps import TokenSteps
from smc.errors import SettingsError
from smc.steps import StepScorer

SPLITS: tuple[Split, ...] = ("calibration", "test")
SCORERS = ("oracle", "noisy", "prm")
MODEL = Path("domains/arithmetic/model")
MAX_TOKENS = 128


def make_scorer(name: str) -> StepScorer:
    """Return a judge by name.

    Raises:
        SettingsError: There is none of this name.
    """
    if name == "oracle":
        return OracleScorer()
    if name == "noisy":
        return NoisyScorer()
    if name == "prm":
        from domains.arithmetic.task import reward_model

        return reward_model()
    raise SettingsError(f"--scorer: expected some of {', '.join(SCORERS)}; got {name!r}.")


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return what all results in a folder must have in common."""
    return {
        "model": provenance.shown_model(str(args.model)),
        "model_digest": provenance.model_digest(str(args.model)),
        "budgets": args.budgets,
        "tree_budgets": args.tree_budgets or args.budgets,
        "samples": args.samples,
        "temperature": TEMPERATURE,
        "width": WIDTH,
        "lookahead": LOOKAHEAD,
        "sweeps": SWEEPS,
        "noisy_auc": NoisyScorer().auc,
    }


def run(args: argparse.Namespace) -> None:
    """Run what is not there yet; stop, whole, when the minutes are over."""
    import torch

    from benchmarks.strategies.remembered import RememberedModel

    torch.set_num_threads(args.threads)
    store = Store(args.out)
    scorers = {name: RememberedScorer(make_scorer(name)) for name in args.scorer}
    settings = settings_of(args)
    model = TokenSteps(RememberedModel.load(str(args.model)), lines(), max_tokens=MAX_TOKENS)
    ends = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
    with store.locked():
        start = {
            "command": "python -m benchmarks.strategies " + " ".join(_shown(sys.argv[1:])),
            "date": provenance.now(),
            "commit": provenance.commit(),
            "machine": provenance.machine(),
            "versions": provenance.versions(),
        }
        store.begin(settings, start)
        done = {
            (split, name, seed): {r["item"] for r in store.repair(f"{split}-{name}", seed)}
            for split in SPLITS
            for name in scorers
            for seed in args.seeds
        }
        items = {split: ArithmeticTask(split).items(args.items) for split in SPLITS}
        for place in range(args.items):  # all parts grow alike, so that they can be read any time
            for split in SPLITS:
                for seed in args.seeds:
                    item = items[split][place]
                    for name, scorer in scorers.items():
                        if item.id in done[split, name, seed]:
                            continue
                        if time.monotonic() > ends:
                            print(f"{args.minutes} minutes are over; the same command goes on.")
                            return
                        record = run_item(
                            model,
                            scorer,
                            item,
                            args.budgets,
                            settings["tree_budgets"],
                            seed,
                            args.samples,
                        )
                        store.append(f"{split}-{name}", seed, [record])
            print(f"{place + 1} of {args.items}", file=sys.stderr, flush=True)


def _shown(words: list[str]) -> list[str]:
    """Arguments without folders of this machine."""
    return [provenance.shown_path(w) if "/" in w else w for w in words]
