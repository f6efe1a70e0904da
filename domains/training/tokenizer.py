"""Byte-level BPE tokenizers for small models."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

END = "<|endoftext|>"
# A newline is always a token of its own, and a word takes the one space before it along.
WORDS = r"\n| ?[^ \n]+| +"


def train_tokenizer(
    texts: Iterable[str], vocabulary: int, max_length: int, words: str = WORDS
) -> PreTrainedTokenizerFast:
    """Learns the merges from texts.

    Args:
        texts: What to learn from, in the format of the prompts.
        vocabulary: Tokens: the 256 bytes, `<|endoftext|>` as beginning, end and padding, merges.
        max_length: The context length of the model, in tokens, kept in the tokenizer's files.
        words: Regular expression of the pieces of text that no merge reaches beyond. What it does
            not match is a piece too.

    Returns:
        A tokenizer that adds no special tokens of its own to a text.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(  # type: ignore[assignment]
        [
            pre_tokenizers.Split(Regex(words), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()  # type: ignore[assignment]
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
