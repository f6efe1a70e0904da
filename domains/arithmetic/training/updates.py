"""Training of OpTune's update network: failed attempts in, weights that know better out."""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaForCausalLM

from domains.arithmetic.problems import parse
from domains.arithmetic.steps import solve
from domains.arithmetic.training.measure import load_policy
from domains.arithmetic.training.samples import Sample
from domains.arithmetic.training.update_attempts import UpdateSetting, attempts_of
from smc.backends.adapting import UpdateNetwork
from smc.backends.adapting.captured import capture, row_losses, updated
from smc.backends.adapting.predicted import adapted_layers, save_updates
from smc.backends.adapting.projections import sizes
from smc.backends.adapting.turns import BEHIND_TEXT

WRONG = "Your answer is incorrect."
RIGHT = "Your answer is correct."
_HELD_OUT = 128


@dataclass(frozen=True)
class Rows:
    """Rows of tokens padded on the right: `[B, T]` ids, mask, and what counts as a target."""

    ids: torch.Tensor
    mask: torch.Tensor
    counts: torch.Tensor


class UpdateRun:
    """A run and its files: `attempts.jsonl`, `held_out.jsonl`, `checkpoint.pt`, `log.jsonl`.

    Args:
        setting: See `UpdateSetting`.
        policy: Folder of the model that the updates are for; it is not trained.
        work: Folder of the run. A checkpoint that lies there is continued.

    Raises:
        ValueError: The checkpoint was made with another setting.
    """

    def __init__(self, setting: UpdateSetting, policy: Path, work: Path) -> None:
        work.mkdir(parents=True, exist_ok=True)
        self.setting, self.work = setting, work
        self.policy, self.tokenizer = load_policy(policy)
        self.policy.requires_grad_(False)
        self.layers = adapted_layers(self.policy)
        shapes = {place: sizes(layer) for place, layer in self.layers.items()}
        torch.manual_seed(setting.seed)
        self.network = UpdateNetwork(shapes, rank=setting.rank)
        transforms = list(self.network.transforms.parameters())
        self.optimizer = torch.optim.AdamW(
            [{"params": transforms}, {"params": [self.network.rates], "weight_decay": 0.0}]
        )
        self.step, self.seconds = 0, 0.0
        self.training, self.held_out = attempts_of(setting, self.policy, self.tokenizer, work)
        if (work / "checkpoint.pt").exists():
            self._load()

    def train(self, checkpoint_seconds: float = 60.0) -> None:
        """Train until the budget is spent."""
        budget, saved, recent = self.setting.minutes * 60, self.seconds, []
        order = itertools.islice(self._batches(), self.step, None)
        if self.step == 0:
            self._observe()
            self.log({"step": 0, **self.validate()})
        while self.seconds < budget:
            began = time.process_time()
            peak = self.setting.rate * max(0.0, 1 - self.seconds / budget)
            for group, share in zip(self.optimizer.param_groups, (1.0, 0.01), strict=True):
                group["lr"] = peak * share
            recent.append(self._update(next(order)))
            self.step += 1
            self.seconds += time.process_time() - began
            if self.step % 50 == 0:
                self.log({"step": self.step, "seconds": self.seconds, "loss": _mean(recent)})
                recent = []
            if self.seconds - saved > checkpoint_seconds:
                self._save()
                saved = self.seconds
        self._save()
        self.log({"step": self.step, "seconds": self.seconds, **self.validate()})

    def validate(self) -> dict[str, float]:
        """Return losses of right solutions to held-out problems, in nats per token.

        `plain`: as the model is; `updated`: with the update from a wrong attempt at the problem;
        `swapped`: with that from an attempt at another one.
        """
        self.network.eval()
        wrong = [s for s in self.held_out if not all(s.labels)][:_HELD_OUT]
        found: dict[str, list[float]] = {"plain": [], "updated": [], "swapped": []}
        size = self.setting.rows
        with torch.no_grad():
            for at in range(0, len(wrong) - size + 1, size):
                samples = wrong[at : at + size]
                updates = self._updates(samples)
                target = self._solutions(samples)
                other = {place: u.roll(1, 0) for place, u in updates.items()}
                found["plain"] += _losses(self.policy, target).tolist()
                for name, own in (("updated", updates), ("swapped", other)):
                    with updated(self.layers, own):
                        found[name] += _losses(self.policy, target).tolist()
        self.network.train()
        return {name: _mean(losses) for name, losses in found.items()}

    def export(self, out: Path) -> None:
        """Write the network and what is known of its training."""
        facts = {
            **asdict(self.setting),
            "step": self.step,
            "seconds": self.seconds,
            "rates": self.network.rates.tolist(),
            "held_out": self.validate(),
        }
        save_updates(self.network, out, facts)

    def log(self, record: dict[str, Any]) -> None:
        """Print a record, and put it into the log."""
        line = json.dumps(
            {k: round(v, 5) if isinstance(v, float) else v for k, v in record.items()}
        )
        print(line, flush=True)
        with (self.work / "log.jsonl").open("a") as file:
            file.write(line + "\n")

    def _update(self, samples: Sequence[Sample]) -> float:
        """One step: the loss of the right solutions under the updated weights."""
        with updated(self.layers, self._updates(samples)):
            loss = _losses(self.policy, self._solutions(samples)).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return loss.item()

    def _updates(self, samples: Sequence[Sample]) -> dict[str, torch.Tensor]:
        rows = self._attempts(samples)
        with torch.enable_grad():
            found = capture(self.policy, self.layers, rows.ids, rows.mask)
        return {
            place: self.network.update(place, seen.inputs, seen.gradients, rows.mask)
            for place, seen in found.items()
        }

    def _observe(self) -> None:
        """Take the first batches into the running statistics, which then stay."""
        for samples in itertools.islice(self._batches(), 40):
            rows = self._attempts(samples)
            there = rows.mask.bool()
            for place, seen in capture(self.policy, self.layers, rows.ids, rows.mask).items():
                self.network.observe(place, seen.inputs[there], seen.gradients[there])

    def _attempts(self, samples: Sequence[Sample]) -> Rows:
        said = [RIGHT if all(s.labels) else WRONG for s in samples]
        texts = [
            s.prompt + "".join(s.steps) + BEHIND_TEXT.format(feedback=f)
            for s, f in zip(samples, said, strict=True)
        ]
        return self._rows([(t, "") for t in texts], end=False)

    def _solutions(self, samples: Sequence[Sample]) -> Rows:
        return self._rows([(s.prompt, "".join(solve(parse(s.prompt)))) for s in samples], end=True)

    def _rows(self, pairs: Sequence[tuple[str, str]], end: bool) -> Rows:
        """Rows of texts; of a pair only the second part counts."""
        tail = [self.tokenizer.eos_token_id] if end else []
        firsts = [self.tokenizer.encode(a) for a, _ in pairs]
        rows = [
            a + self.tokenizer.encode(b) + tail for a, (_, b) in zip(firsts, pairs, strict=True)
        ]
        shape = len(rows), max(map(len, rows))
        ids, mask, counts = (torch.zeros(shape, dtype=torch.long) for _ in range(3))
        for r, (row, first) in enumerate(zip(rows, firsts, strict=True)):
            ids[r, : len(row)] = torch.tensor(row)
            mask[r, : len(row)] = 1
            counts[r, len(first) : len(row)] = 1
        return Rows(ids, mask, counts[:, 1:])

    def _batches(self) -> Iterator[list[Sample]]:
        """Batches without end, each of attempts of like length."""
        for epoch in itertools.count():
            rng = random.Random(f"updates {self.setting.seed} {epoch}")
            order = sorted(self.training, key=lambda s: len(s.prompt) + 16 * rng.random())
            size = self.setting.rows
            groups = [order[i : i + size] for i in range(0, len(order) - size + 1, size)]
            rng.shuffle(groups)
            yield from groups

    def _load(self) -> None:
        state = torch.load(self.work / "checkpoint.pt", weights_only=True)
        if state["setting"] != asdict(self.setting):
            raise ValueError(
                f"{self.work / 'checkpoint.pt'} was made with {state['setting']}; expected "
                f"{asdict(self.setting)}. Give the same arguments or another --work."
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.seconds = state["step"], state["seconds"]

    def _save(self) -> None:
        state = {
            "setting": asdict(self.setting),
            "network": self.network.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, self.work / "checkpoint.part")
        os.replace(self.work / "checkpoint.part", self.work / "checkpoint.pt")


def _losses(model: LlamaForCausalLM, rows: Rows) -> torch.Tensor:
    return row_losses(model, rows.ids, rows.mask, rows.counts)


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / max(1, len(numbers))
