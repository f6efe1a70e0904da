"""Trains the embedded language model of the molecule task.

    python -m domains.gdb17.train --data DIR --out DIR --work DIR --minutes 70 --seed 0

``--work`` holds the checkpoint and the log (``log.jsonl``); the same command continues an
interrupted run from there, with the time already spent taken off the budget. At the end the model
is exported to ``--out``; ``--export`` does that at once from the last checkpoint.
``python -m domains.gdb17.training.card`` then measures it and writes the model card.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch.nn import functional
from transformers import (
    AutoTokenizer,
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from domains.gdb17.data import load
from domains.gdb17.prompt import split
from domains.gdb17.training.data import Lines, batches
from domains.gdb17.training.evaluate import validation_loss
from domains.gdb17.training.optimizer import optimizers, schedule, set_rates
from domains.gdb17.training.tokenizer import VOCABULARY, train_tokenizer

CONTEXT = 1024
TOKENIZER_MOLECULES = 100_000


@dataclass(frozen=True)
class Setting:
    """What fixes a run, apart from the machine."""

    minutes: float = 70.0
    seed: int = 0
    rows: int = 16
    length: int = 384
    width: int = 192
    layers: int = 5
    inner: int = 384


@dataclass
class Progress:
    """How far a run has come; stored in the checkpoint."""

    step: int = 0
    seconds: float = 0.0
    epoch: int = 0
    in_epoch: int = 0
    tokens: int = 0


def build_model(setting: Setting, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A Llama of head size 64 with tied embeddings; the blocks begin as the identity."""
    torch.manual_seed(setting.seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=setting.width,
        intermediate_size=setting.inner,
        num_hidden_layers=setting.layers,
        num_attention_heads=setting.width // 64,
        num_key_value_heads=setting.width // 64,
        head_dim=64,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                parameter.zero_()
    return model


class Run:
    """A training run and its files.

    Args:
        setting: sizes, budget and seed.
        data: the data set's file, or a folder that holds it.
        work: folder for checkpoint, tokenizer and log; made if absent.
    """

    def __init__(self, setting: Setting, data: Path, work: Path) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.setting, self.work = setting, work
        self.molecules, self.held_out = split(load(data))
        if not (work / "tokenizer" / "tokenizer.json").exists():
            fresh = train_tokenizer(self.molecules[:TOKENIZER_MOLECULES], CONTEXT)
            fresh.save_pretrained(work / "tokenizer")
        self.tokenizer = AutoTokenizer.from_pretrained(work / "tokenizer")
        self.model = build_model(setting, self.tokenizer)
        self.optimizers = optimizers(self.model)
        self.progress = Progress()
        if (work / "checkpoint.pt").exists():
            self.load()

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

    def log(self, record: dict[str, float]) -> None:
        """Prints a record and appends it to the log."""
        line = json.dumps({key: round(value, 5) for key, value in record.items()})
        print(line, flush=True)
        with (self.work / "log.jsonl").open("a") as file:
            file.write(line + "\n")

    def step(self, rows: torch.Tensor) -> float:
        """One update on ``int64[rows, length + 1]``; returns the mean loss in nats per token."""
        logits = self.model(input_ids=rows[:, :-1], use_cache=False).logits
        loss = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def train(self, checkpoint_seconds: float = 240.0, prompts: int = 500) -> None:
        """Trains until the time budget is spent, then logs the loss on held-out ``prompts``."""
        setting, progress = self.setting, self.progress
        budget, saved, recent = setting.minutes * 60, progress.seconds, deque(maxlen=50)
        lines = Lines(self.tokenizer, self.molecules)
        source = batches(lines, setting.rows, setting.length + 1, setting.seed, progress.epoch)
        for _ in range(progress.in_epoch):
            next(source)
        self.model.train()
        while progress.seconds < budget:
            began = time.monotonic()
            set_rates(self.optimizers, schedule(progress.seconds / budget))
            epoch, rows = next(source)
            recent.append(self.step(torch.from_numpy(rows)))
            progress.in_epoch = progress.in_epoch + 1 if epoch == progress.epoch else 1
            progress.epoch = epoch
            progress.step += 1
            progress.tokens += setting.rows * setting.length
            progress.seconds += time.monotonic() - began
            if progress.step % 50 == 0:
                self.log({**asdict(progress), "loss": sum(recent) / len(recent)})
            if progress.seconds - saved > checkpoint_seconds:
                self.save()
                saved = progress.seconds
        self.save()
        self.log({**asdict(progress), **self.validate(prompts)})

    def validate(self, prompts: int) -> dict[str, float]:
        """The held-out loss of the model as it is."""
        self.model.eval()
        return validation_loss(self.model, self.tokenizer, self.held_out, prompts)

    def export(self, out: Path) -> None:
        """Writes the model, the tokenizer and ``training.json`` to ``out``."""
        # Without top_k=0, generate() would cut the model's distribution to 50 tokens.
        self.model.generation_config = GenerationConfig(
            do_sample=True,
            top_k=0,
            bos_token_id=self.tokenizer.bos_token_id,
            eos_token_id=self.tokenizer.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
        )
        self.model.save_pretrained(out)
        (out / "model.safetensors").chmod(0o644)
        self.tokenizer.save_pretrained(out)
        facts = {**asdict(self.setting), **asdict(self.progress)}
        (out / "training.json").write_text(json.dumps(facts, indent=2) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line; see the module's docstring."""
    default = Setting()
    parser = argparse.ArgumentParser(prog="python -m domains.gdb17.train")
    root = Path(os.environ.get("SMC_DATA", "../shared/data"))
    parser.add_argument("--data", type=Path, default=root, help="root of the data sets, or a file")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "model")
    parser.add_argument("--work", type=Path, required=True, help="checkpoint and log")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--export", action="store_true", help="export the checkpoint and stop")
    for name, value in asdict(default).items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    options = vars(parser.parse_args(arguments))
    torch.set_num_threads(options["threads"])
    torch.set_flush_denormal(True)
    setting = Setting(**{name: options[name] for name in asdict(default)})
    run = Run(setting, options["data"], options["work"])
    if not options["export"]:
        run.train()
    run.export(options["out"])


if __name__ == "__main__":
    main()
