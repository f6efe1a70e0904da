"""Training command of the networks of chosen depth; no data are needed.

    python -m domains.arithmetic.train_depth --kind recurrent --work DIR --threads 1

The arguments are those of `DepthSetting`; the same command continues an interrupted run. Kinds are
`recurrent`, `inner-thinking`, `loop` and `plain`; each goes to a folder of its name.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from domains.arithmetic.training.depth import DepthCorpus, DepthRun, DepthSetting
from domains.training.command import main as command
from domains.training.run import TrainingRun


def folder_of(kind: str) -> Path:
    """Return where the network of a kind goes."""
    return Path(__file__).parent / f"depth_{kind.replace('-', '_')}"


def make_run(setting: DepthSetting, data: Path, work: Path) -> TrainingRun:
    """Return a run; it generates its problems, whatever `data` is."""
    return DepthRun(setting, DepthCorpus(setting), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--kind", default=DepthSetting.kind)
    kind = parser.parse_known_args(arguments)[0].kind
    command(
        "domains.arithmetic.train_depth",
        DepthSetting(),
        folder_of(kind),
        make_run,
        arguments,
        checkpoint_seconds=30.0,
        prompts=150,
    )


if __name__ == "__main__":
    main()
