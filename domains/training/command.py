"""Command line of a domain's training."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from domains.training.run import TrainingRun
from domains.training.setting import Setting
from domains.training.threads import training_threads

SettingT = TypeVar("SettingT", bound=Setting)


def main(
    module: str,
    default: SettingT,
    out: Path,
    make_run: Callable[[SettingT, Path, Path], TrainingRun],
    arguments: Sequence[str] | None = None,
    **training: Any,
) -> None:
    """Trains, or exports the last checkpoint, as the arguments say.

    Args:
        module: what ``python -m`` is told.
        default: every number of it can be set by an argument of its name.
        out: where the model goes by default.
        make_run: takes the setting, the root of the data sets and the work folder.
        arguments: of the command line; None: those of the process.
        training: arguments of `TrainingRun.train`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {module}")
    root = Path(os.environ.get("SMC_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=root, help="root of the data sets, or a file")
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--work", type=Path, required=True, help="checkpoint and log")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", action="store_true", help="export the checkpoint and stop")
    for name, value in asdict(default).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = vars(parser.parse_args(arguments))
    setting = type(default)(**{name: options[name] for name in asdict(default)})
    with training_threads(options["threads"]):
        run = make_run(setting, options["data"], options["work"])
        if not options["export"]:
            run.train(**training)
        run.export(options["out"])
