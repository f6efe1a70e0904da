"""A training run that learns to write solutions and to judge lines, with one network."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import functional

from domains.countdown.training.store import halve
from domains.reasoning.training.corpus import (
    FORMAT,
    JudgedBatch,
    ReasoningCorpus,
    ReasoningSetting,
)
from domains.training.batch import Batch
from domains.training.run import TrainingRun


class ReasoningRun(TrainingRun):
    """See `TrainingRun`; where the setting names tokens, these are what is spent.

    Products of matrices are taken in bfloat16, which halves the time; the weights are float32.
    """

    def __init__(self, setting: ReasoningSetting, corpus: ReasoningCorpus, work: Path) -> None:
        super().__init__(setting, corpus, work)
        self.model.set_attn_implementation("eager")  # the other one gains nothing in bfloat16
        self._tokens, self._label = setting.tokens, setting.label
        self._good, self._bad = FORMAT.candidates(self.tokenizer)

    def spent(self) -> float:
        """Return the share of the tokens, or else of the time, that is spent."""
        return self.progress.tokens / self._tokens if self._tokens else super().spent()

    def loss(self, batch: Batch) -> torch.Tensor:
        """Return the mean loss: of text per token, and of labels, each as so many tokens."""
        assert isinstance(batch, JudgedBatch) and batch.weights is not None
        tokens = torch.from_numpy(batch.tokens)
        hidden = self.model.model(input_ids=tokens[:, :-1], use_cache=False).last_hidden_state
        counts = torch.from_numpy(batch.weights) > 0
        written = functional.cross_entropy(
            self.model.lm_head(hidden[counts]), tokens[:, 1:][counts], reduction="sum"
        )
        at = hidden[torch.from_numpy(batch.rows), torch.from_numpy(batch.marks)]
        judged = functional.cross_entropy(
            self.model.lm_head(at)[:, [self._bad, self._good]],
            torch.from_numpy(batch.labels),
            reduction="sum",
        )
        size = counts.sum() + self._label * len(batch.labels)
        return (written + self._label * judged) / size

    def export(self, out: Path) -> None:
        """Write the model, in half the space, the tokenizer and ``training.json``."""
        super().export(out)
        halve(out)

    def step(self, batch: Batch) -> float:
        """Make one update; return the mean loss in nats per token that counts."""
        with torch.autocast("cpu", torch.bfloat16):
            return super().step(batch)
