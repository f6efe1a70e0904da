r"""Training command of the countdown models; no data are needed.

    python -m domains.countdown.train --work DIR --threads 1
    python -m domains.countdown.train --work DIR --threads 1 --kind plain \
        --out domains/countdown/plain

The arguments are those of `CountdownSetting`; the same command continues an interrupted run.
``python -m domains.countdown.improve`` then improves the model by its own search.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domains.countdown.training.corpus import CountdownCorpus, CountdownSetting
from domains.training.command import main as command
from domains.training.token_run import TokenRun

MODEL = Path(__file__).parent / "model"
PLAIN = Path(__file__).parent / "plain"


def make_run(setting: CountdownSetting, data: Path, work: Path) -> TokenRun:
    """Return a run; it generates its problems, whatever `data` is."""
    return TokenRun(setting, CountdownCorpus(setting), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    command(
        "domains.countdown.train",
        CountdownSetting(),
        MODEL,
        make_run,
        arguments,
        checkpoint_seconds=60.0,
        prompts=400,
        validate_seconds=600.0,
    )


if __name__ == "__main__":
    main()
