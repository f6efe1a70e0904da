"""Training of the revision model: from attempts that failed to the right solution.

After Snell et al. (2024), "Scaling LLM test-time compute optimally", section 6. Two things differ:
the target is the right solution as the domain writes it, where the paper takes right samples (at
the hardest level the policy has next to none), and training begins with the embedded policy.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from domains.arithmetic.problems import LEVELS
from domains.arithmetic.revising import CONTEXT, revise
from domains.arithmetic.splits import problems
from domains.arithmetic.training.attempts import Attempts
from domains.arithmetic.training.measure import draw, is_right
from domains.arithmetic.training.policy import BATCHES_AN_EPOCH, PolicySetting, padded
from domains.training.batch import Batch
from domains.training.run import TrainingRun

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@dataclass(frozen=True)
class RevisionSetting(PolicySetting):
    """The policy's sizes, with room for four attempts.

    Attributes:
        problems: With attempts to learn from.
        attempts: Drawn for each of them.
    """

    minutes: float = 12.0
    rows: int = 8
    length: int = 512
    context: int = 1024
    rate: float = 0.3
    problems: int = 1_600
    attempts: int = 8


class RevisionCorpus:
    """Batches of chains: the problem behind earlier attempts, then its solution; see `Corpus`.

    Args:
        setting: Sizes and seed.
        policy: The policy's folder.
        attempts: Problems with wrong attempts.
    """

    def __init__(self, setting: RevisionSetting, policy: Path, attempts: Sequence[Attempts]):
        self.setting, self.policy, self.attempts = setting, policy, attempts

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return the policy's tokenizer, for longer texts."""
        tokenizer = AutoTokenizer.from_pretrained(self.policy)
        tokenizer.model_max_length = self.setting.context
        return tokenizer

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches without end; only the solution counts."""
        while True:
            rng = random.Random(f"revisions {self.setting.seed} {epoch}")
            for _ in range(BATCHES_AN_EPOCH):
                yield self._batch(tokenizer, epoch, rng)
            epoch += 1

    def _batch(self, tokenizer: PreTrainedTokenizerFast, epoch: int, rng: random.Random) -> Batch:
        budget = self.setting.rows * self.setting.length
        rows: list[list[int]] = []
        prompts: list[int] = []
        longest = 0
        while True:
            chosen = rng.choice(self.attempts)
            prompt = tokenizer.encode(revise(chosen.problem, chosen.chain(rng)))
            row = [*prompt, *tokenizer.encode(chosen.solution), tokenizer.eos_token_id]
            longest = max(longest, len(row))
            if rows and longest * (len(rows) + 1) > budget:
                return padded(rows, prompts, epoch, tokenizer.pad_token_id)
            rows.append(row)
            prompts.append(len(prompt))

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return the share of right answers along chains, at temperature 1, calibration part."""
        right = along_chains(model, tokenizer, "calibration", prompts // 5, length=5, seed=0)
        return {f"right_at_{k}": share for k, share in enumerate(right)}


def along_chains(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    part: Any,
    count: int,
    *,
    length: int,
    seed: int,
) -> list[float]:
    """Return the share of right answers at each place of chains, one chain a problem.

    Args:
        model: The revision model.
        tokenizer: Its tokenizer.
        part: Of the problems.
        count: Of problems, levels 2 to 5 in turn.
        length: Of a chain.
        seed: Of problems and draws.
    """
    levels = tuple(level for level in LEVELS if level > 1)
    source = problems(part, seed, levels)
    chosen = sorted((next(source) for _ in range(count)), key=lambda pair: pair[0])
    chains: list[list[str]] = [[] for _ in chosen]
    shares = []
    for place in range(length):
        prompts = [revise(p.text, c[-CONTEXT:]) for (_, p), c in zip(chosen, chains, strict=True)]
        texts = draw(model, tokenizer, prompts, seed=seed + place, rows=64)
        for chain, text in zip(chains, texts, strict=True):
            chain.append(text)
        right = [is_right(p, text) for (_, p), text in zip(chosen, texts, strict=True)]
        shares.append(sum(right) / len(right))
    return shares


class RevisionRun(TrainingRun):
    """A run that begins with the policy's weights.

    Args:
        setting: Sizes, budget and seed.
        corpus: Attempts and policy.
        work: Folder of the run.
    """

    def __init__(self, setting: RevisionSetting, corpus: RevisionCorpus, work: Path) -> None:
        super().__init__(setting, corpus, work)
        if self.progress.step == 0:
            policy = AutoModelForCausalLM.from_pretrained(corpus.policy, dtype=torch.float32)
            self.model.load_state_dict(policy.state_dict())
