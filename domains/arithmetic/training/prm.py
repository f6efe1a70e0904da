"""Training of the process reward model: labelled samples of the policy in one format."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer

from domains.arithmetic.training.labelled import FORMAT, LabelledBatch, labelled, lesson
from domains.arithmetic.training.quality import pairs, quality, scores_of
from domains.arithmetic.training.samples import Sample
from domains.training.batch import Batch
from domains.training.run import TrainingRun
from domains.training.setting import Setting

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from potentials.reward_model import RewardModel


@dataclass(frozen=True)
class PrmSetting(Setting):
    """The reward model begins as the policy, with one token and some layers more.

    What would be written in a place is known after one layer; to compare it with what is written
    takes further ones. All that the policy has not begin as the identity.

    Attributes:
        judging: The last layers, which judge only: the next character is foretold before them.
        writing: How much the loss of foretelling the right steps counts, beside that of judging.
        spotting: How much the loss of telling after every character whether all is right so far.
        lessons: Batches of right solutions that come before all others, to be foretold only: who
            cannot work a step out cannot judge it.
        samples: Solutions drawn from the policy, to learn from.
        slips: Right solutions with the policy's slips put in, to learn from; far cheaper.
        held_out: Solutions drawn from the policy on problems kept from it, to look at.
    """

    minutes: float = 48.0
    rows: int = 8
    length: int = 256
    width: int = 128
    layers: int = 8
    judging: int = 2
    inner: int = 256
    head: int = 32
    vocabulary: int = 258
    context: int = 512
    rate: float = 0.8
    writing: float = 2.0
    spotting: float = 1.0
    lessons: int = 2_000
    samples: int = 3_000
    slips: int = 32_000
    held_out: int = 500


class LabelledSamples:
    """The corpus of the reward model; an epoch shows every sample once. See `Corpus`.

    Args:
        setting: Sizes and seed.
        policy: The policy's folder; its tokenizer gets the mark as one more token.
        samples: To learn from.
        held_out: To look at.
    """

    def __init__(
        self,
        setting: PrmSetting,
        policy: Path,
        samples: Sequence[Sample],
        held_out: Sequence[Sample],
    ) -> None:
        self.setting, self.policy = setting, policy
        self.samples, self.held_out = samples, held_out

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return the policy's tokenizer with the mark of steps."""
        tokenizer = AutoTokenizer.from_pretrained(self.policy)
        tokenizer.add_special_tokens({"additional_special_tokens": [FORMAT.mark]})
        return tokenizer

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches of samples of like length; in the first epoch, lessons before them."""
        pad, budget = tokenizer.pad_token_id, self.setting.rows * self.setting.length
        if epoch == 0 and self.setting.lessons:
            rng = random.Random(f"prm lessons {self.setting.seed}")
            for _ in range(self.setting.lessons):
                yield lesson(tokenizer, rng, budget)
        readings = [FORMAT.readings(tokenizer, s.prompt, s.steps)[0] for s in self.samples]
        fitting = [k for k, r in enumerate(readings) if len(r.ids) <= self.setting.context]
        while True:
            rng = random.Random(f"prm {self.setting.seed} {epoch}")
            order = sorted(fitting, key=lambda k: len(readings[k].ids) + 8 * rng.random())
            groups: list[list[int]] = [[]]
            for k in order:
                if groups[-1] and len(readings[k].ids) * (len(groups[-1]) + 1) > budget:
                    groups.append([])
                groups[-1].append(k)
            rng.shuffle(groups)
            for group in groups:
                chosen = [(self.samples[k], readings[k]) for k in group]
                yield labelled(chosen, epoch, pad)
            epoch += 1

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return the quality of the scores on the first `prompts` held-out samples."""
        held_out = self.held_out[:: max(1, len(self.held_out) // prompts)]
        reward = judge(model, tokenizer)
        measures = quality(held_out, scores_of(reward, held_out))
        return measures | {"pairs": float(np.mean(pairs(reward, held_out)))}


class PrmRun(TrainingRun):
    """A run that begins with the policy's weights and learns from labels.

    Args:
        setting: Sizes, budget and seed.
        corpus: Samples and policy.
        work: Folder of the run.
    """

    def __init__(self, setting: PrmSetting, corpus: LabelledSamples, work: Path) -> None:
        super().__init__(setting, corpus, work)
        if self.progress.step == 0:
            policy = AutoModelForCausalLM.from_pretrained(corpus.policy, dtype=torch.float32)
            policy.resize_token_embeddings(setting.vocabulary, mean_resizing=False)
            self.model.load_state_dict(policy.state_dict(), strict=False)
        self.good, self.bad = FORMAT.candidates(self.tokenizer)
        # Not part of the model, and not of the checkpoint: it is learnt again within a few steps.
        self.spotter = torch.nn.Linear(setting.width, 2)
        self.spotting = torch.optim.AdamW(self.spotter.parameters(), lr=3e-3)

    def step(self, batch: Batch) -> float:
        """One update; returns the loss: of judging per step, and of writing per token."""
        assert isinstance(batch, LabelledBatch)
        assert isinstance(self.setting, PrmSetting) and batch.weights is not None
        tokens = torch.from_numpy(batch.tokens)
        out = self.model.model(input_ids=tokens[:, :-1], use_cache=False, output_hidden_states=True)
        hidden = out.last_hidden_state
        loss = torch.zeros(())
        if len(batch.labels):
            at = hidden[torch.from_numpy(batch.rows), torch.from_numpy(batch.marks)]
            judged = self.model.lm_head(at)[:, [self.bad, self.good]]
            loss = functional.cross_entropy(judged, torch.from_numpy(batch.labels))
        counts = torch.from_numpy(batch.weights) > 0
        if self.setting.writing and counts.any():
            before = out.hidden_states[-1 - self.setting.judging] if self.setting.judging else None
            known = hidden if before is None else self.model.model.norm(before)
            written = self.model.lm_head(known[counts])
            foretold = functional.cross_entropy(written, tokens[:, 1:][counts])
            loss = loss + self.setting.writing * foretold
        said = torch.from_numpy(batch.so_far)
        if self.setting.spotting and (said >= 0).any():
            spotted = functional.cross_entropy(self.spotter(hidden[said >= 0]), said[said >= 0])
            loss = loss + self.setting.spotting * spotted
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in (*self.optimizers, self.spotting):
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss.item()


def judge(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast) -> RewardModel:
    """Return what scores steps by the model's judgement, as the format reads it."""
    from potentials.reward_model import RewardModel
    from potentials.reward_model.heads import TokenHead
    from potentials.reward_model.network import Network

    head = TokenHead(model.lm_head, *FORMAT.candidates(tokenizer))
    return RewardModel(Network(model.model, head), tokenizer, FORMAT, cache_tokens=0)
