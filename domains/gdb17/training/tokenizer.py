"""The tokenizer of the embedded model: byte-level BPE with 512 tokens.

A word takes the one space before it along, so that " CC(C)O" after "Molecule:" is one piece
wherever it stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from domains.gdb17.prompt import INSTRUCTION, molecule_line
from domains.training import tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY = 512
# The instruction once in so many lines: often enough for its words to be known, too rarely for
# them to take many merges from the molecules.
INSTRUCTION_EVERY = 200


def train_tokenizer(
    molecules: Sequence[str], max_length: int, vocabulary: int = VOCABULARY
) -> PreTrainedTokenizerFast:
    """Learns the merges from molecules as the prompt shows them.

    Args:
        molecules: SMILES strings of the training part.
        max_length: the context length of the model, in tokens, kept in the tokenizer's files.
        vocabulary: tokens.
    """
    lines = (
        (INSTRUCTION if index % INSTRUCTION_EVERY == 0 else "") + molecule_line(smiles)
        for index, smiles in enumerate(molecules)
    )
    return tokenizer.train_tokenizer(lines, vocabulary, max_length)
