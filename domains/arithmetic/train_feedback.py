"""Training command of the embedded critic and editor, on drafts of the policy.

    python -m domains.arithmetic.train_feedback --work DIR --threads 1

The arguments are those of `FeedbackSetting`; the same command continues an interrupted run. Drafts
are written first and kept in ``--work``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from domains.arithmetic.feedback import EDITOR
from domains.arithmetic.problems import LEVELS, parse
from domains.arithmetic.steps import sound, split
from domains.arithmetic.train import MODEL
from domains.arithmetic.training.attempts import Attempts, kept_attempts
from domains.arithmetic.training.feedback import FeedbackCorpus, FeedbackRun, FeedbackSetting
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.samples import (
    Sample,
    draw_samples,
    held_out_problems,
    read_samples,
    write_samples,
)
from domains.training.command import main as command


def make_run(setting: FeedbackSetting, data: Path, work: Path) -> FeedbackRun:
    """Return a run of critic and editor; drafts are written where `work` has none yet."""
    seed = setting.seed
    attempts = kept_attempts(work, MODEL, setting.problems, setting.attempts, seed=seed)
    kept = work / "held_out.jsonl"
    if not kept.exists():
        source = held_out_problems("calibration", seed)
        write_samples(draw_samples(*load_policy(MODEL), source, setting.held_out, seed=seed), kept)
    corpus = FeedbackCorpus(setting, MODEL, list(drafts_of(attempts)), read_samples(kept))
    return FeedbackRun(setting, corpus, work)


def drafts_of(attempts: Sequence[Attempts]) -> Iterator[Sample]:
    """Yield the solution of each problem and the wrong attempts at it, with labels."""
    levels = {level.steps: number for number, level in LEVELS.items()}
    for each in attempts:
        problem = parse(each.problem)
        for text in (each.solution, *each.wrong):
            steps = split(text)
            level = levels[len(problem.assignments)]
            yield Sample(level, each.problem, steps, sound(problem, steps))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    command(
        "domains.arithmetic.train_feedback",
        FeedbackSetting(),
        EDITOR,
        make_run,
        arguments,
        checkpoint_seconds=30.0,
        prompts=100,
        validate_seconds=120.0,
    )


if __name__ == "__main__":
    main()
