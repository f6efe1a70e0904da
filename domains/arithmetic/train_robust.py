"""Training command of the model for the study of robustness; it goes on from the policy.

    python -m domains.arithmetic.train_robust --work DIR --threads 1

The arguments are those of `RobustSetting`; the same command continues an interrupted run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domains.arithmetic.train import MODEL
from domains.arithmetic.training.robust import RobustRun, RobustSetting
from domains.training.command import main as command
from domains.training.run import TrainingRun

ROBUST = Path(__file__).parent / "robust"


def make_run(setting: RobustSetting, data: Path, work: Path) -> TrainingRun:
    """Return a run; it generates its problems, whatever `data` is."""
    return RobustRun(setting, MODEL, work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    command(
        "domains.arithmetic.train_robust",
        RobustSetting(),
        ROBUST,
        make_run,
        arguments,
        checkpoint_seconds=60.0,
        prompts=300,
        validate_seconds=200.0,
    )


if __name__ == "__main__":
    main()
