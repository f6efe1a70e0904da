"""Training command of the embedded process reward model, on labelled samples of the policy.

    python -m domains.arithmetic.train_prm --work DIR --threads 1

The arguments are those of `PrmSetting`; the same command continues an interrupted run. Samples
are drawn first and kept in ``--work``. ``python -m domains.arithmetic.training.card`` then measures
both models and writes their cards.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from domains.arithmetic.train import MODEL
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.prm import LabelledSamples, PrmRun, PrmSetting
from domains.arithmetic.training.samples import (
    draw_samples,
    draw_slips,
    held_out_problems,
    read_samples,
    training_problems,
    write_samples,
)
from domains.training.command import main as command

PRM = Path(__file__).parent / "prm"


def make_run(setting: PrmSetting, data: Path, work: Path) -> PrmRun:
    """Return a run of the reward model; samples are drawn where `work` has none yet."""
    work.mkdir(parents=True, exist_ok=True)
    policy, tokenizer = load_policy(MODEL)
    seed = setting.seed
    training = training_problems(seed)
    held_out = held_out_problems("calibration", seed)
    sources = {
        "samples": lambda: draw_samples(policy, tokenizer, training, setting.samples, seed=seed),
        "slips": lambda: draw_slips(policy, tokenizer, training, setting.slips, seed=seed),
        "held_out": lambda: draw_samples(policy, tokenizer, held_out, setting.held_out, seed=seed),
    }
    for name, drawn in sources.items():
        if not (work / f"{name}.jsonl").exists():
            write_samples(drawn(), work / f"{name}.jsonl")
    by_source = {name: read_samples(work / f"{name}.jsonl") for name in sources}
    learnt = [*by_source["samples"], *by_source["slips"]]
    return PrmRun(setting, LabelledSamples(setting, MODEL, learnt, by_source["held_out"]), work)


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    command(
        "domains.arithmetic.train_prm",
        PrmSetting(),
        PRM,
        make_run,
        arguments,
        checkpoint_seconds=60.0,
        prompts=500,
        validate_seconds=120.0,
    )


if __name__ == "__main__":
    main()
