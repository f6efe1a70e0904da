"""Training rows: text of the task's format, cut to one length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from domains.gdb17.prompt import INSTRUCTION, molecule_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

# Half of the rows open with the instruction, as a prompt does; the others open in the middle of
# a document, so that less of the compute goes into reading the same sentence.
INSTRUCTION_SHARE = 0.5
# After a line the document ends with this probability, and the next one begins.
END_SHARE = 1 / 40


class Lines:
    """Molecules as token ids of their lines, stored flat.

    Args:
        tokenizer: the model's tokenizer.
        molecules: SMILES strings.

    Attributes:
        tokens: ``int16[total]``, all lines one after the other.
        starts: ``int64[len(molecules) + 1]``, line i is ``tokens[starts[i]:starts[i + 1]]``.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, molecules: Sequence[str]) -> None:
        texts = [molecule_line(smiles) for smiles in molecules]
        encoded = tokenizer(texts, add_special_tokens=False)["input_ids"]
        self.starts = np.concatenate([[0], np.cumsum([len(ids) for ids in encoded])])
        self.tokens = np.fromiter((t for ids in encoded for t in ids), np.int16, self.starts[-1])
        self.instruction = np.array(tokenizer.encode(INSTRUCTION), np.int16)
        self.end = np.array([tokenizer.eos_token_id], np.int16)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, index: int) -> np.ndarray:
        """The tokens of one line, newline included."""
        return self.tokens[self.starts[index] : self.starts[index + 1]]


def batches(
    lines: Lines, rows: int, length: int, seed: int, epoch: int = 0
) -> Iterator[tuple[int, np.ndarray]]:
    """Endless training batches; an epoch shows every line once, in an order of its own.

    Args:
        lines: the molecules.
        rows: rows in a batch.
        length: tokens in a row, the target of the last position included.
        seed: fixes the orders and the ends of documents.
        epoch: the epoch to begin with.

    Yields:
        ``(epoch, int64[rows, length])``. The line that a row cuts off is not continued in the
        next one; the rows of an unfinished batch are dropped when the epoch ends.
    """
    while True:
        rng = np.random.default_rng([seed, epoch])
        order = iter(rng.permutation(len(lines)))
        batch: list[np.ndarray] = []
        parts: list[np.ndarray] = []
        filled = 0
        for index in order:
            if not parts and rng.random() < INSTRUCTION_SHARE:
                parts.append(lines.instruction)
            parts.append(lines.line(index))
            if rng.random() < END_SHARE:
                parts += [lines.end, lines.instruction]
            filled = sum(map(len, parts))
            if filled < length:
                continue
            batch.append(np.concatenate(parts)[:length].astype(np.int64))
            parts = []
            if len(batch) == rows:
                yield epoch, np.stack(batch)
                batch = []
        epoch += 1
