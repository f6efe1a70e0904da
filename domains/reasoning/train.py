"""Training command of the reasoning model; no data are needed.

    python -m domains.reasoning.train --work DIR --threads 1

The arguments are those of `ReasoningSetting`; the same command continues an interrupted run.
``python -m domains.reasoning.training.card`` then measures the model and writes its card.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domains.reasoning.judge import MODEL
from domains.reasoning.training.corpus import ReasoningCorpus, ReasoningSetting
from domains.reasoning.training.run import ReasoningRun
from domains.training.command import main as command


def make_run(setting: ReasoningSetting, data: Path, work: Path) -> ReasoningRun:
    """Return a run; it generates its puzzles, whatever `data` is."""
    return ReasoningRun(setting, ReasoningCorpus(setting), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    command(
        "domains.reasoning.train",
        ReasoningSetting(),
        MODEL,
        make_run,
        arguments,
        checkpoint_seconds=60.0,
        prompts=330,
        validate_seconds=600.0,
    )


if __name__ == "__main__":
    main()
