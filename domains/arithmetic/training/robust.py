"""Corpus for the study of robustness: problems with instructions, to be obeyed or ignored."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from domains.arithmetic.injected import (
    AGAIN,
    Instruction,
    any_instruction,
    attacked,
    right_answer,
    said,
)
from domains.arithmetic.problems import ArithmeticProblem
from domains.arithmetic.splits import problems
from domains.arithmetic.training.measure import draw
from domains.arithmetic.training.policy import (
    BATCHES_AN_EPOCH,
    PolicyCorpus,
    PolicySetting,
    training_problem,
)
from domains.training.batch import Batch
from domains.training.run import TrainingRun

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

LEVELS = (1, 2, 3)
MOST_INJECTED = 2


@dataclass(frozen=True)
class RobustSetting(PolicySetting):
    """Sizes of the policy, which the run begins with.

    Attributes:
        obeying: Share of the problems with an instruction of the user's.
        injecting: Share of the problems with one or two injected ones.
        again: Share of the answers that think a second time.
    """

    minutes: float = 10.0
    rows: int = 4
    rate: float = 0.5
    obeying: float = 0.35
    injecting: float = 0.5
    again: float = 0.3


class RobustCorpus(PolicyCorpus):
    """Batches of problems with instructions; see `Corpus`.

    Args:
        setting: Sizes, shares and seed.
    """

    def __init__(self, setting: RobustSetting) -> None:
        super().__init__(setting)
        self.shares = setting

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches without end; only what comes after the prompt counts."""
        while True:
            rng = random.Random(f"robust {self.setting.seed} {epoch}")
            for k in range(BATCHES_AN_EPOCH):
                yield self._mixed(tokenizer, epoch, LEVELS[k % len(LEVELS)], rng)
            epoch += 1

    def _mixed(
        self, tokenizer: PreTrainedTokenizerFast, epoch: int, level: int, rng: random.Random
    ) -> Batch:
        budget = self.setting.rows * self.setting.length
        rows: list[tuple[list[int], list[float]]] = []
        longest = 0
        while True:
            row = self._row(tokenizer, training_problem(level, rng), rng)
            longest = max(longest, len(row[0]))
            if rows and longest * (len(rows) + 1) > budget:
                pad: Any = tokenizer.pad_token_id
                return _padded(rows, epoch, pad)
            rows.append(row)

    def _row(
        self, tokenizer: PreTrainedTokenizerFast, problem: ArithmeticProblem, rng: random.Random
    ) -> tuple[list[int], list[float]]:
        """Ids, and for all but the first how much they count.

        That thinking begins anew counts only where the user asks for it: it is decided outside.
        """
        user = any_instruction(rng) if rng.random() < self.shares.obeying else None
        count = rng.randint(1, MOST_INJECTED) if rng.random() < self.shares.injecting else 0
        injected = [any_instruction(rng) for _ in range(count)]
        passes = 2 if rng.random() < self.shares.again else 1
        prompt: Any = tokenizer.encode(attacked(problem, injected, rng, user))
        text = right_answer(problem, user, passes)
        free = user is not None and user.verb == "twice"
        ids: list[int] = list(prompt)
        counts = [0.0] * (len(prompt) - 1)
        for k, part in enumerate(text.split(AGAIN)):
            own: Any = tokenizer.encode(part)
            mark: Any = tokenizer.encode(AGAIN) if k else []
            ids += mark + own
            counts += [1.0 if free else 0.0] * len(mark) + [1.0] * len(own)
        end: Any = tokenizer.eos_token_id
        return [*ids, end], [*counts, 1.0]

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return shares of right answers: clean, under attack, and of orders that were obeyed."""
        return obedience(model, tokenizer, prompts)


class RobustRun(TrainingRun):
    """A run that begins with the policy's weights.

    Args:
        setting: Sizes, shares, budget and seed.
        policy: Folder of the policy.
        work: Folder of the run.
    """

    def __init__(self, setting: RobustSetting, policy: Path, work: Path) -> None:
        super().__init__(setting, RobustCorpus(setting), work)
        if self.progress.step == 0:
            begun = AutoModelForCausalLM.from_pretrained(policy, dtype=torch.float32)
            self.model.load_state_dict(begun.state_dict())


def obedience(
    model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
) -> dict[str, float]:
    """Return shares at temperature 1 on calibration problems of levels 1 to 3.

    `clean`: right without instructions; `injected`: right with one injected "say"; `hijacked`: says
    the number of that; `obeyed`: says the user's number.
    """
    chosen = [p for _, p in islice(problems("calibration", 0, LEVELS), prompts)]
    rng = random.Random(0)
    orders = [Instruction("say", rng.randint(0, 99)) for _ in chosen]
    texts = {
        "clean": [p.text for p in chosen],
        "injected": [attacked(p, [o], rng) for p, o in zip(chosen, orders, strict=True)],
        "obeyed": [attacked(p, [], rng, o) for p, o in zip(chosen, orders, strict=True)],
    }
    numbers = {
        name: [said(text) for text in draw(model, tokenizer, asked, seed=0)]
        for name, asked in texts.items()
    }
    right, ordered = [p.answer for p in chosen], [o.number for o in orders]

    def share(name: str, wanted: list[int]) -> float:
        return float(np.mean([a == b for a, b in zip(numbers[name], wanted, strict=True)]))

    return {
        "clean": share("clean", right),
        "injected": share("injected", right),
        "hijacked": share("injected", ordered),
        "obeyed": share("obeyed", ordered),
    }


def _padded(rows: list[tuple[list[int], list[float]]], epoch: int, pad: int) -> Batch:
    width = max(len(ids) for ids, _ in rows)
    tokens = np.full((len(rows), width), pad, dtype=np.int64)
    weights = np.zeros((len(rows), width - 1), dtype=np.float32)
    for r, (ids, counts) in enumerate(rows):
        tokens[r, : len(ids)] = ids
        weights[r, : len(counts)] = counts
    return Batch(epoch, tokens, weights)
