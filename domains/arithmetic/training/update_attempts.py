"""Attempts that an update network learns from: the policy's answers to training problems."""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from domains.arithmetic.splits import problems
from domains.arithmetic.training.policy import training_problem
from domains.arithmetic.training.samples import Sample, draw_samples, read_samples, write_samples

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LEVELS = (5, 4)


@dataclass(frozen=True)
class UpdateSetting:
    """What fixes a run, apart from the machine.

    Attributes:
        minutes: Of the processor, for training steps; the learning rate falls linearly to zero
            over them.
        seed: Of problems, attempts and order.
        rows: Of a batch; each row is a problem with an attempt.
        questions: Of the training part, levels 5 and 4 in turn.
        attempts: Drawn for each, right ones included.
        held_out: Calibration problems that it is validated on, from one attempt at each.
        rank: Of the network.
        rate: Peak of AdamW's; that of the learned rates λ is a hundredth of it.
    """

    minutes: float = 3.5
    seed: int = 0
    rows: int = 16
    questions: int = 600
    attempts: int = 10
    held_out: int = 200
    rank: int = 16
    rate: float = 2e-3


def attempts_of(
    setting: UpdateSetting,
    policy: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    work: Path,
) -> tuple[list[Sample], list[Sample]]:
    """Return attempts at training and at calibration problems, drawn once and then read."""
    rng = random.Random(f"update questions {setting.seed}")
    sources = {
        "attempts": [
            (level, training_problem(level, rng))
            for level in itertools.islice(itertools.cycle(LEVELS), setting.questions)
        ],
        "held_out": list(
            itertools.islice(problems("calibration", setting.seed, LEVELS), setting.held_out)
        ),
    }
    drawn = []
    for name, source in sources.items():
        file = work / f"{name}.jsonl"
        if not file.exists():
            times = setting.attempts if name == "attempts" else 1
            asked = [pair for pair in source for _ in range(times)]
            samples = draw_samples(policy, tokenizer, asked, len(asked), seed=setting.seed)
            write_samples(samples, file)
        drawn.append(read_samples(file))
    return drawn[0], drawn[1]
