"""A training run within a time budget, which can be cut off and continued."""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from transformers import AutoTokenizer

from domains.training.batch import Batch, Corpus
from domains.training.model import batch_loss, build_model, export
from domains.training.optimizer import optimizers, schedule, set_rates
from domains.training.setting import Progress, Setting


class TrainingRun:
    """A training run and its files: `tokenizer/`, `checkpoint.pt` and `log.jsonl`.

    Args:
        setting: sizes, budget and seed.
        corpus: what to learn from.
        work: folder for checkpoint, tokenizer and log; made if absent. A checkpoint that lies
            there is continued.

    Raises:
        ValueError: the checkpoint was made with another setting, or the tokenizer does not have
            as many tokens as the setting says.
    """

    def __init__(self, setting: Setting, corpus: Corpus, work: Path) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.setting, self.corpus, self.work = setting, corpus, work
        if not (work / "tokenizer" / "tokenizer.json").exists():
            corpus.make_tokenizer().save_pretrained(work / "tokenizer")
        self.tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer")
        if len(self.tokenizer) > setting.vocabulary:
            raise ValueError(
                f"{work / 'tokenizer'} has {len(self.tokenizer)} tokens, the setting "
                f"{setting.vocabulary}. Give another vocabulary or another --work."
            )
        self.model = self.build()
        self.optimizers = optimizers(self.model)
        self.progress = Progress()
        if (work / "checkpoint.pt").exists():
            self.load()

    def build(self) -> Any:
        """The model before its first step; a run of another architecture has its own."""
        return build_model(self.setting, self.tokenizer)

    def loss(self, batch: Batch) -> torch.Tensor:
        """The mean loss of a batch in nats per token that counts; likewise."""
        return batch_loss(self.model, batch)

    def clock(self) -> float:
        """Seconds that the time budget is measured in; of any beginning."""
        return time.monotonic()

    def load(self) -> None:
        """Continues from the checkpoint.

        Raises:
            ValueError: the checkpoint was made with another setting.
        """
        state = torch.load(self.work / "checkpoint.pt", weights_only=True)
        if state["setting"] != asdict(self.setting):
            raise ValueError(
                f"{self.work / 'checkpoint.pt'} was made with {state['setting']}, the command "
                f"asks for {asdict(self.setting)}. Give the same arguments or another --work."
            )
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.progress = Progress(**state["progress"])

    def save(self) -> None:
        """Writes the checkpoint, whole or not at all."""
        state = {
            "setting": asdict(self.setting),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer in self.optimizers],
            "progress": asdict(self.progress),
        }
        torch.save(state, self.work / "checkpoint.part")
        os.replace(self.work / "checkpoint.part", self.work / "checkpoint.pt")

    def log(self, record: dict[str, Any]) -> None:
        """Prints a record and appends it to the log."""
        rounded = {k: round(v, 5) if isinstance(v, float) else v for k, v in record.items()}
        line = json.dumps(rounded)
        print(line, flush=True)
        with (self.work / "log.jsonl").open("a") as file:
            file.write(line + "\n")

    def spent(self) -> float:
        """Return the share of the budget that is spent: of the time."""
        return self.progress.seconds / (self.setting.minutes * 60)

    def step(self, batch: Batch) -> float:
        """One update; returns the mean loss in nats per token that counts."""
        loss = self.loss(batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def train(
        self,
        checkpoint_seconds: float = 240.0,
        prompts: int = 500,
        validate_seconds: float = math.inf,
    ) -> None:
        """Trains until the time budget is spent, then logs what the held-out part says.

        Args:
            checkpoint_seconds: of training, between two checkpoints.
            prompts: of the held-out part, that are looked at.
            validate_seconds: of training, between two looks at the held-out part on the way.
        """
        progress = self.progress
        saved = validated = progress.seconds
        recent: deque[float] = deque(maxlen=50)
        source = self.corpus.batches(self.tokenizer, progress.epoch)
        for _ in range(progress.in_epoch):
            next(source)
        self.model.train()
        while (spent := self.spent()) < 1:
            began = self.clock()
            share = self.setting.rate * schedule(spent)
            set_rates(self.optimizers, share)
            batch = next(source)
            recent.append(self.step(batch))
            progress.in_epoch = progress.in_epoch + 1 if batch.epoch == progress.epoch else 1
            progress.epoch = batch.epoch
            progress.step += 1
            progress.tokens += batch.tokens[:, 1:].size
            progress.seconds += self.clock() - began
            if progress.step % 50 == 0:
                self.log({**asdict(progress), "loss": sum(recent) / len(recent)})
            if progress.seconds - saved > checkpoint_seconds:
                self.save()
                saved = progress.seconds
            if progress.seconds - validated > validate_seconds:
                self.log({**asdict(progress), **self.validate(prompts)})
                validated = progress.seconds
        self.save()
        self.log({**asdict(progress), **self.validate(prompts)})

    def validate(self, prompts: int) -> dict[str, Any]:
        """What the held-out part says of the model as it is."""
        self.model.eval()
        measures = self.corpus.validate(self.model, self.tokenizer, prompts)
        self.model.train()
        return measures

    def export(self, out: Path) -> None:
        """Writes the model, the tokenizer and ``training.json`` to ``out``."""
        export(self.model, self.tokenizer, out)
        facts = {**asdict(self.setting), **asdict(self.progress)}
        (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")
