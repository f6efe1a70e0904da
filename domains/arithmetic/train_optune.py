"""Training command of OpTune's update network for the embedded policy; no data are needed.

    python -m domains.arithmetic.train_optune --work DIR --threads 1

The arguments are those of `UpdateSetting`; the same command continues an interrupted run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from domains.arithmetic.train import MODEL
from domains.arithmetic.training.updates import UpdateRun, UpdateSetting
from domains.training.threads import training_threads

OPTUNE = Path(__file__).parent / "optune"


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m domains.arithmetic.train_optune")
    parser.add_argument("--out", type=Path, default=OPTUNE)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder of the policy")
    parser.add_argument("--work", type=Path, required=True, help="attempts, checkpoint and log")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", action="store_true", help="export the checkpoint and stop")
    for name, value in asdict(UpdateSetting()).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = vars(parser.parse_args(arguments))
    setting = UpdateSetting(**{name: options[name] for name in asdict(UpdateSetting())})
    with training_threads(options["threads"]):
        run = UpdateRun(setting, options["model"], options["work"])
        if not options["export"]:
            run.train()
        run.export(options["out"])


if __name__ == "__main__":
    main()
