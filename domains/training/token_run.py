"""A training run whose budget is a number of tokens, so that models can be trained alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from domains.training.batch import Batch
from domains.training.halving import halve
from domains.training.run import TrainingRun


class TokenRun(TrainingRun):
    """See `TrainingRun`; where the setting names tokens, these are what is spent.

    Products of matrices are taken in bfloat16, which halves the time; the weights are float32.

    Args:
        setting: A `Setting` with `tokens`, padding included; 0: its minutes decide.
        corpus: See `TrainingRun`.
        work: Folder of the run.
    """

    def __init__(self, setting: Any, corpus: Any, work: Path) -> None:
        super().__init__(setting, corpus, work)
        self.model.set_attn_implementation("eager")  # the other one gains nothing in bfloat16
        self._tokens = setting.tokens

    def spent(self) -> float:
        """Return the share of the tokens, or else of the time, that is spent."""
        return self.progress.tokens / self._tokens if self._tokens else super().spent()

    def export(self, out: Path) -> None:
        """Write the model, in half the space, the tokenizer and ``training.json``."""
        super().export(out)
        halve(out)

    def step(self, batch: Batch) -> float:
        """Make one update; return the mean loss in nats per token that counts."""
        with torch.autocast("cpu", torch.bfloat16):
            return super().step(batch)
