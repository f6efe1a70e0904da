"""Networks of chosen depth on the arithmetic domain: the same problems, as many parameters.

Four kinds, six layers each: `plain`, the Llama of the policy; `recurrent`, two layers before and
two behind a core of two that is repeated; `inner-thinking`, where every second layer runs again for
the tokens that a router picks; `loop`, where it does so for all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from safetensors.torch import load_file, save_file

from domains.arithmetic.training.measure import accuracy
from domains.arithmetic.training.policy import PolicyCorpus, PolicySetting
from domains.training.batch import Batch
from domains.training.model import head_loss
from domains.training.run import TrainingRun
from smc.backends.depth.configs import InnerThinkingConfig, RecurrentDepthConfig
from smc.backends.depth.inner_thinking import InnerThinking, calibrate
from smc.backends.depth.recurrent import RecurrentDepth

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

Kind = Literal["plain", "recurrent", "inner-thinking", "loop"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LEVELS = (1, 2, 3)
"""The two hardest would need more steps than these models get."""
CALIBRATED_ON = 32
"""Training batches that the thresholds of the inner thinking are measured on."""


@dataclass(frozen=True)
class DepthSetting(PolicySetting):
    """Sizes; the minutes are those of the processor.

    Attributes:
        kind: Of network, see `KINDS`.
        recurrence: r̄ of the recurrent one.
        learned: Its last iterations, that gradients go through.
        steps: Of the thinking layers of the other two.
        ratio: Share of tokens that the router picks.
    """

    minutes: float = 4.5
    rows: int = 4
    layers: int = 6
    context: int = 256
    kind: str = "recurrent"
    recurrence: int = 8
    learned: int = 4
    steps: int = 4
    ratio: float = 0.7

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.kind not in KINDS:
            raise ValueError(f"kind is {self.kind!r}; expected one of {', '.join(KINDS)}.")


class DepthCorpus(PolicyCorpus):
    """As the policy's, of the easier `LEVELS`."""

    levels = LEVELS

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """See `PolicyCorpus.validate`."""
        return accuracy(model, tokenizer, "calibration", prompts, seed=0, levels=LEVELS)


class DepthRun(TrainingRun):
    """A run of one kind; its clock is the processor's, so that a busy machine costs nothing."""

    setting: DepthSetting

    def clock(self) -> float:
        """See `TrainingRun.clock`."""
        return time.process_time()

    def build(self) -> Any:
        """See `TrainingRun.build`."""
        if self.setting.kind == "plain":
            return super().build()
        torch.manual_seed(self.setting.seed)
        if self.setting.kind == "recurrent":
            return RecurrentDepth(_recurrent(self.setting, self.tokenizer))
        network = InnerThinking(_thinking(self.setting, self.tokenizer))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if name.endswith("proj.weight"):
                    parameter.zero_()
        return network

    def loss(self, batch: Batch) -> torch.Tensor:
        """See `TrainingRun.loss`."""
        if self.setting.kind == "plain":
            return super().loss(batch)
        ids = torch.from_numpy(batch.tokens)[:, :-1]
        hidden, _, _ = self.model.hidden(ids, counted=self._is_text(ids))
        return head_loss(self.model.lm_head, hidden, batch)

    def export(self, out: Path) -> None:
        """Write the model, its weights rounded to half precision; it is computed in single."""
        if isinstance(self.model, InnerThinking):
            calibrate(self.model, islice(self._ids(), CALIBRATED_ON))
        super().export(out)
        file = out / "model.safetensors"
        learned = {name for name, _ in self.model.named_parameters()}
        weights = {n: w.half() if n in learned else w for n, w in load_file(file).items()}
        save_file(weights, file, {"format": "pt"})
        file.chmod(0o644)

    def _ids(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in self.corpus.batches(self.tokenizer, self.progress.epoch):
            ids = torch.from_numpy(batch.tokens)[:, :-1]
            yield ids, self._is_text(ids)

    def _is_text(self, ids: torch.Tensor) -> torch.Tensor:
        return ids != self.tokenizer.pad_token_id


def _recurrent(setting: DepthSetting, tokenizer: PreTrainedTokenizerFast) -> RecurrentDepthConfig:
    return RecurrentDepthConfig(
        n_embd=setting.width,
        n_heads=setting.width // setting.head,
        intermediate_size=setting.inner,
        n_layers=setting.layers,
        n_layers_in_prelude=setting.layers // 3,
        n_layers_in_recurrent_block=setting.layers - 2 * (setting.layers // 3),
        n_layers_in_coda=setting.layers // 3,
        mean_recurrence=setting.recurrence,
        mean_backprop_depth=setting.learned,
        block_size=setting.context,
        padded_vocab_size=setting.vocabulary,
        vocab_size=setting.vocabulary,
        rope_base=10_000.0,
        **_ends(tokenizer),
    )


def _thinking(setting: DepthSetting, tokenizer: PreTrainedTokenizerFast) -> InnerThinkingConfig:
    return InnerThinkingConfig(
        hidden_size=setting.width,
        num_layers=setting.layers,
        num_attention_heads=setting.width // setting.head,
        intermediate_size=setting.inner,
        steps=setting.steps,
        ratio=setting.ratio,
        routes=setting.kind == "inner-thinking",
        vocab_size=setting.vocabulary,
        max_position_embeddings=setting.context,
        **_ends(tokenizer),
    )


def _ends(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
