"""Training command of the embedded policy of the arithmetic domain; no data are needed.

    python -m domains.arithmetic.train --work DIR --threads 1

The arguments are those of `PolicySetting`; the same command continues an interrupted run.
``python -m domains.arithmetic.train_prm`` then trains the reward model on samples of the policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domains.arithmetic.training.policy import PolicyCorpus, PolicySetting
from domains.training.command import main as command
from domains.training.run import TrainingRun

MODEL = Path(__file__).parent / "model"


def make_run(setting: PolicySetting, data: Path, work: Path) -> TrainingRun:
    """Return a run of the policy; it generates its problems, whatever `data` is."""
    return TrainingRun(setting, PolicyCorpus(setting), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    command(
        "domains.arithmetic.train",
        PolicySetting(),
        MODEL,
        make_run,
        arguments,
        checkpoint_seconds=60.0,
        prompts=500,
        validate_seconds=240.0,
    )


if __name__ == "__main__":
    main()
