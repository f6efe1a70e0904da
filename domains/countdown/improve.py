"""Command of self-improvement: the model searches, and learns from what it solved.

    python -m domains.countdown.improve --work DIR --threads 1

The arguments are those of `ImprovementSetting`; the same command goes on with an interrupted run.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from domains.arithmetic.training.measure import load_policy
from domains.countdown.train import MODEL
from domains.countdown.training.improvement import ImprovementSetting, improve
from domains.training.halving import halve
from domains.training.model import export

IMPROVED = Path(__file__).parent / "improved"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.countdown.improve")
    parser.add_argument("--model", type=Path, default=MODEL, help="where it starts from")
    parser.add_argument("--out", type=Path, default=IMPROVED)
    parser.add_argument("--work", type=Path, required=True, help="a folder a round")
    parser.add_argument("--threads", type=int, default=2)
    for name, value in asdict(ImprovementSetting()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = vars(parser.parse_args(arguments))
    torch.set_num_threads(options["threads"])
    setting = ImprovementSetting(**{n: options[n] for n in asdict(ImprovementSetting())})
    last = improve(setting, options["model"], options["work"])
    rounds = [
        json.loads((options["work"] / f"round-{k}" / "round.json").read_text())
        for k in range(1, setting.rounds + 1)
    ]
    export(*load_policy(last), options["out"])
    halve(options["out"])
    (options["out"] / "training.json").write_text(json.dumps({"rounds": rounds}, indent=2) + "\n")


if __name__ == "__main__":
    main()
