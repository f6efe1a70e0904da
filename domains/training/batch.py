"""Training batches, and the protocol of the corpus that brings their rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


@dataclass(frozen=True)
class Batch:
    """Rows of tokens; the model reads all but the last of each, and is to say all but the first.

    Rows and length may differ from batch to batch.

    Attributes:
        epoch: The batch belongs to.
        tokens: `int64[R, L + 1]`.
        weights: `float32[R, L]`, how much the loss of each target counts; None: all alike.
        positions: `int64[R, L]`; None: counted from 0.
        sees: `bool[R, L, L]`, whether position i may attend to position j; None: to all up to i.
            Every position must see at least one, itself for example.
    """

    epoch: int
    tokens: np.ndarray
    weights: np.ndarray | None = None
    positions: np.ndarray | None = None
    sees: np.ndarray | None = None


class Corpus(Protocol):
    """What a domain's model learns from."""

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Return a tokenizer trained on the corpus, with as many tokens as the setting says."""
        ...

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yield batches without end from the start of an epoch on.

        They depend on the corpus, its seed and the epoch alone, since a run that was cut off is
        continued by going through its last epoch again. Epochs count upwards, none is empty.
        """
        ...

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, Any]:
        """Return what a log tells of the model on `prompts` held-out prompts, by name."""
        ...
