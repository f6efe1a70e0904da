"""The tokenizer of the embedded model: byte-level BPE with 512 tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from domains.gdb17.prompt import INSTRUCTION, molecule_line

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

VOCABULARY = 512
END = "<|endoftext|>"
# A newline is always a token of its own, and a word takes the one space before it along, so that
# " CC(C)O" after "Molecule:" is one pre-token wherever it stands.
WORDS = r"\n| ?[^ \n]+| +"
# The instruction once in so many lines: often enough for its words to be known, too rarely for
# them to take many merges from the molecules.
INSTRUCTION_EVERY = 200


def train_tokenizer(molecules: Sequence[str], max_length: int) -> PreTrainedTokenizerFast:
    """Learns the merges from molecules as the prompt shows them.

    Args:
        molecules: SMILES strings of the training part.
        max_length: the context length of the model, in tokens, kept in the tokenizer's files.

    Returns:
        A tokenizer of ``VOCABULARY`` tokens: the 256 bytes, ``<|endoftext|>`` as beginning, end
        and padding, and merges. It adds no special tokens of its own to a text.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [
            pre_tokenizers.Split(Regex(WORDS), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    lines = (
        (INSTRUCTION if index % INSTRUCTION_EVERY == 0 else "") + molecule_line(smiles)
        for index, smiles in enumerate(molecules)
    )
    tokenizer.train_from_iterator(lines, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
