"""Experiment runner: resumable, one line a problem, judge and seed."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import provenance
from benchmarks.store import Store
from benchmarks.strategies.plans import LOOKAHEAD, SEARCHED, SWEEPS, TEMPERATURE, WIDTH, searches
from benchmarks.strategies.trial import RememberedScorer, complaint, draw_pool, run_item
from domains.arithmetic.scorers import NoisyScorer, OracleScorer
from domains.arithmetic.splits import Split
from domains.arithmetic.task import PRM, ArithmeticTask
from domains.arithmetic.verifier import calibration
from potentials.boundaries import lines
from smc.errors import SettingsError
from smc.steps import StepScorer
from smc.steps.token_steps import TokenSteps

SPLITS: tuple[Split, ...] = ("calibration", "test")
SCORERS = ("oracle", "noisy", "prm", "verifier")
MODEL = Path("domains/arithmetic/model")
MAX_TOKENS = 128
LEVELS = (2, 3, 4, 5, 4, 3, 4, 5, 4, 5)
"""Of the problems, in turn: such that the fifths of difficulty are told apart. At level 1, and
mostly at level 2, every sample is right, and there is nothing to compare."""


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
    if name == "verifier":
        from domains.arithmetic.verifier import verifier

        return verifier()
    raise SettingsError(f"--scorer: expected some of {', '.join(SCORERS)}; got {name!r}.")


def judge_of(name: str) -> str:
    """Return what fixes a judge; it stands in every record that goes by it."""
    if name in ("prm", "verifier"):
        network = f"{provenance.shown_path(PRM)} (digest {provenance.model_digest(str(PRM))})"
        return network if name == "prm" else f"likelihood under {network}, {calibration()}"
    return f"AUC {NoisyScorer().auc} a step" if name == "noisy" else "labels"


def settings_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return what all results in a folder must have in common."""
    common = {
        "model": provenance.shown_model(str(args.model)),
        "model_digest": provenance.model_digest(str(args.model)),
        "budgets": args.budgets,
        "tree_budgets": args.tree_budgets or args.budgets,
        "samples": args.samples,
        "temperature": TEMPERATURE,
        "width": WIDTH,
        "lookahead": LOOKAHEAD,
        "sweeps": SWEEPS,
        "levels": args.levels,
    }
    if tuple(args.searches) != SEARCHED:
        common["searches"] = args.searches
    if args.selection:
        common["selection"] = args.selection
    return common


def run(args: argparse.Namespace) -> None:
    """Run what is not there yet; stop, whole, when the minutes are over."""
    import torch

    from benchmarks.strategies.remembered import RememberedModel

    torch.set_num_threads(args.threads)
    store = Store(args.out, complaint)
    scorers = {name: RememberedScorer(make_scorer(name)) for name in args.scorer}
    settings = settings_of(args)
    model = TokenSteps(RememberedModel.load(str(args.model)), lines(), max_tokens=MAX_TOKENS)
    ends = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
    with store.locked():
        start = {
            "command": "python -m benchmarks.strategies " + " ".join(_shown(sys.argv[1:])),
            "date": provenance.now(),
            "commit": provenance.commit(),
            "machine": provenance.machine() | {"memory_gib": _memory()},
            "versions": provenance.versions(),
        }
        store.begin(settings, start)
        done = {
            (split, name, seed): _done(store, split, name, seed)
            for split, name, seed in itertools.product(SPLITS, scorers, args.seeds)
        }
        parts = {
            split: ArithmeticTask(split, levels=tuple(args.levels)).items(args.items)
            for split in SPLITS
        }
        for place in range(args.items):  # both parts grow alike, so that they can be read any time
            for split, seed in itertools.product(SPLITS, args.seeds):
                item = parts[split][place]
                left = [name for name in scorers if item.id not in done[split, name, seed]]
                pool = None
                for name in left:
                    if time.monotonic() > ends:
                        print(f"{args.minutes} minutes are over; the same command goes on.")
                        return
                    pool = pool or draw_pool(model, item, args.budgets, seed, args.samples)
                    record = run_item(
                        model,
                        scorers[name],
                        item,
                        pool,
                        args.budgets,
                        searches(settings["tree_budgets"], args.searches),
                        seed,
                        args.selection,
                    )
                    record |= {"judge": judge_of(name)}
                    store.append(f"{split}-{name}", seed, [record])
            print(f"{place + 1} of {args.items}", file=sys.stderr, flush=True)


def _done(store: Store, split: Split, name: str, seed: int) -> set[str]:
    """The items that there are results of; all must be of the judge as it is now."""
    records = store.repair(f"{split}-{name}", seed)
    others = {r["judge"] for r in records} - {judge_of(name)}
    if others:
        raise SettingsError(
            f"--out: {store.path(f'{split}-{name}', seed)} holds results of another judge, "
            f"{', '.join(sorted(others))}; expected {judge_of(name)}. Give another folder, or "
            "remove the file."
        )
    return {r["item"] for r in records}


def _memory() -> float:
    """Of the machine, in GiB."""
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def _shown(words: list[str]) -> list[str]:
    """Arguments without folders of this machine."""
    return [provenance.shown_path(w) if "/" in w else w for w in words]
