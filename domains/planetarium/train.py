"""Training command of the embedded language model of the planning task.

    python -m domains.planetarium.train --data DIR --out DIR --work DIR --minutes 40 --seed 0

``--work`` holds the checkpoint and the log (``log.jsonl``); the same command continues an
interrupted run from there, with the time already spent taken off the budget. At the end the model
is exported to ``--out``; ``--export`` does that at once from the last checkpoint. The data are
read only to keep the benchmark's problems out of the training.
``python -m domains.planetarium.training.card`` then measures it and writes the model card.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from domains.planetarium.training.corpus import Goals
from domains.planetarium.training.problems import benchmark_classes
from domains.training import command, run, setting


@dataclass(frozen=True)
class Setting(setting.Setting):
    """What fixes a run, apart from the machine; the length of the rows is that of the problems."""

    minutes: float = 40.0
    rows: int = 24
    length: int = 0
    width: int = 128
    layers: int = 4
    inner: int = 320
    head: int = 32
    vocabulary: int = 640
    context: int = 2048


def make_run(setting: Setting, data: Path, work: Path) -> run.TrainingRun:
    """Returns the run; the benchmark's problems are taken from the root of the data sets."""
    return run.TrainingRun(setting, Goals(setting, benchmark_classes(data)), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    out = Path(__file__).parent / "model"
    command.main(
        "domains.planetarium.train",
        Setting(),
        out,
        make_run,
        arguments,
        prompts=200,
        validate_seconds=240.0,
    )


if __name__ == "__main__":
    main()
