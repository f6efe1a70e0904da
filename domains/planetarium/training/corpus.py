"""Training corpus: what is learned is the goal, and the prompt is only read."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from domains.planetarium.training.evaluate import held_out_loss, solved
from domains.planetarium.training.problems import BLOCKS, Example, examples
from domains.training.batch import Batch
from domains.training.setting import Setting
from domains.training.tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

TOKENIZER_PROBLEMS = 4000
EPOCH_BATCHES = 32
"""Batches of an epoch; its problems are sorted by length, so that little is padded."""

FIRST_BLOCKS = 4
"""Most blocks of a problem at first; one more every few epochs. Short ones teach copying sooner."""

EPOCHS_A_BLOCK = 3

# A name is one piece without the space before it, so that it is the same token wherever it stands
# and can be copied from the words to the goal; a run of words, and what lies between two arguments
# or two atoms, is one piece too.
WORDS = (
    r"\) \([a-z-]+ ?|\)+|\n +\(:[a-z]+(?: :strips\)| )?| ?\([a-z-]+ ?"
    r"|[a-z]+\d+|(?: ?[A-Za-z]+(?![A-Za-z\d]))+ ?|[.:]?\n+| +"
)


@dataclass(frozen=True)
class Goals:
    """The corpus: problems made up at random, no end of them.

    Attributes:
        setting: Of the run.
        excluded: Fingerprints of the problems that are kept for the benchmark.
    """

    setting: Setting
    excluded: Collection[bytes]

    def make_tokenizer(self) -> PreTrainedTokenizerFast:
        """Learns the merges from some problems."""
        some = islice(examples(random.Random("tokenizer"), self.excluded), TOKENIZER_PROBLEMS)
        texts = (text for example in some for text in (example.prompt, example.answer))
        return train_tokenizer(texts, self.setting.vocabulary, self.setting.context, WORDS)

    def batches(self, tokenizer: PreTrainedTokenizerFast, epoch: int) -> Iterator[Batch]:
        """Yields batches; an epoch is a number of problems that no other epoch shows."""
        while True:
            rng = random.Random(f"{self.setting.seed} {epoch}")
            most = min(BLOCKS[1], FIRST_BLOCKS + epoch // EPOCHS_A_BLOCK)
            source = islice(
                examples(rng, self.excluded, most_blocks=most), EPOCH_BATCHES * self.setting.rows
            )
            encoded = sorted((encode(tokenizer, e) for e in source), key=lambda ids: len(ids[0]))
            rows = self.setting.rows
            parts = [encoded[i : i + rows] for i in range(0, len(encoded), rows)]
            rng.shuffle(parts)
            for part in parts:
                yield padded(part, epoch, tokenizer.eos_token_id)
            epoch += 1

    def validate(
        self, model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: int
    ) -> dict[str, float]:
        """Returns the loss on held-out goals, and the share of sampled ones that are right."""
        source = examples(random.Random("held out"), self.excluded, held_out=True)
        some = list(islice(source, prompts))
        return {
            **held_out_loss(model, tokenizer, some),
            **solved(model, tokenizer, some[: max(1, prompts // 4)], seed=0),
        }


def encode(tokenizer: PreTrainedTokenizerFast, example: Example) -> tuple[list[int], int]:
    """Returns the tokens of an example with the end, and how many of them are the prompt's."""
    prompt, answer = tokenizer.encode(example.prompt), tokenizer.encode(example.answer)
    return [*prompt, *answer, tokenizer.eos_token_id], len(prompt)


def padded(rows: Sequence[tuple[list[int], int]], epoch: int, end: int) -> Batch:
    """Returns a batch in which the targets after the prompt count, and padding does not."""
    length = max(len(ids) for ids, _ in rows)
    tokens = np.full((len(rows), length), end, np.int64)
    weights = np.zeros((len(rows), length - 1), np.float32)
    for row, (ids, prompt) in enumerate(rows):
        tokens[row, : len(ids)] = ids
        weights[row, prompt - 1 : len(ids) - 1] = 1
    return Batch(epoch, tokens, weights)
