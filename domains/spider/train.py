"""Trains the embedded language model of the text-to-SQL task.

    python -m domains.spider.train --data DIR --out DIR --work DIR --minutes 66 --seed 0

``--work`` holds the checkpoint and the log (``log.jsonl``); the same command continues an
interrupted run from there, with the time already spent taken off the budget. At the end the model
is exported to ``--out``; ``--export`` does that at once from the last checkpoint.
``python -m domains.spider.training.card`` then measures it and writes the model card.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domains.spider.training.corpus import Questions
from domains.spider.training.setting import Setting
from domains.training import command
from domains.training.run import TrainingRun


def make_run(setting: Setting, data: Path, work: Path) -> TrainingRun:
    """Return the training run."""
    return TrainingRun(setting, Questions(setting, data), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    out = Path(__file__).parent / "model"
    command.main(
        "domains.spider.train",
        Setting(),
        out,
        make_run,
        arguments,
        checkpoint_seconds=180.0,
        prompts=60,
        validate_seconds=900.0,
    )


if __name__ == "__main__":
    main()
