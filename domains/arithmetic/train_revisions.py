"""Training command of the embedded revision model, on wrong attempts of the policy.

    python -m domains.arithmetic.train_revisions --work DIR --threads 1

The arguments are those of `RevisionSetting`; the same command continues an interrupted run.
Attempts are drawn first and kept in ``--work``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domains.arithmetic.revising import REVISER
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.attempts import kept_attempts
from domains.arithmetic.training.revisions import RevisionCorpus, RevisionRun, RevisionSetting
from domains.training.command import main as command


def make_run(setting: RevisionSetting, data: Path, work: Path) -> RevisionRun:
    """Return a run of the revision model; attempts are drawn where `work` has too few."""
    attempts = kept_attempts(work, MODEL, setting.problems, setting.attempts, seed=setting.seed)
    return RevisionRun(setting, RevisionCorpus(setting, MODEL, attempts), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    command(
        "domains.arithmetic.train_revisions",
        RevisionSetting(),
        REVISER,
        make_run,
        arguments,
        checkpoint_seconds=60.0,
        prompts=400,
        validate_seconds=240.0,
    )


if __name__ == "__main__":
    main()
