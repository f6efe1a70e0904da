"""The bytes of tokens: those of an encoded text, joined, are the text."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from smc.backends.hf.token_bytes import eos_ids, token_bytes
from smc.errors import VocabularyError
from tests.models import (
    CORPUS,
    byte_fallback_tokenizer,
    byte_level_tokenizer,
    word_piece_tokenizer,
)

TEXTS = (
    *CORPUS,
    "",
    " leading and trailing ",
    "".join(chr(c) for c in range(1, 0x250)),
    "tabs\t\tand\r\nlines\n\n\n",
    "👩‍👩‍👧 \U0010ffff",
)


def joined(tokenizer, text, table):
    ids = tokenizer(text, add_special_tokens=False)["input_ids"]
    parts = [table[i] for i in ids]
    assert all(part is not None for part in parts)
    return b"".join(parts)


@pytest.mark.parametrize("text", TEXTS)
def test_byte_level_bpe_spells_every_text(text):
    tokenizer = byte_level_tokenizer()
    assert joined(tokenizer, text, token_bytes(tokenizer, len(tokenizer))) == text.encode()


@pytest.mark.parametrize("text", TEXTS[1:])
def test_sentence_piece_with_byte_fallback_spells_every_text(text):
    tokenizer = byte_fallback_tokenizer()
    table = token_bytes(tokenizer, len(tokenizer))
    if text:
        assert joined(tokenizer, text, table) == b" " + text.encode()


def test_sentence_piece_uses_pieces_and_bytes():
    tokenizer = byte_fallback_tokenizer()
    ids = tokenizer.get_vocab()
    table = token_bytes(tokenizer, len(tokenizer))
    assert table[ids["<0x0A>"]] == b"\n"
    assert table[ids["<0xFF>"]] == b"\xff"
    assert any(b is not None and b.startswith(b" ") and len(b) > 2 for b in table)


def test_unigram_sentence_piece_with_metaspace():
    backend = Tokenizer(models.Unigram())
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=90, special_tokens=["<unk>", "</s>"], unk_token="<unk>", show_progress=False
    )
    ascii_lines = [line for line in CORPUS if line.isascii() and "\t" not in line]
    backend.train_from_iterator(ascii_lines * 5, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    table = token_bytes(tokenizer, len(tokenizer))
    assert table[tokenizer.get_vocab()["<unk>"]] is None
    assert joined(tokenizer, ascii_lines[0], table) == b" " + ascii_lines[0].encode()


def test_word_piece_begins_words_with_a_space():
    tokenizer = word_piece_tokenizer()
    table = token_bytes(tokenizer, len(tokenizer))
    assert joined(tokenizer, "the cats played, playing", table) == b" the cats played , playing"
    special = [tokenizer.get_vocab()[t] for t in ("[PAD]", "[UNK]", "[CLS]", "[SEP]")]
    assert [table[i] for i in special] == [None] * 4


def test_added_tokens_are_text_unless_special():
    tokenizer = byte_level_tokenizer()
    tokenizer.add_tokens([AddedToken("<tool é>", special=False), AddedToken("é", special=False)])
    tokenizer.add_tokens([AddedToken("<hidden>", special=True)], special_tokens=True)
    table = token_bytes(tokenizer, len(tokenizer) + 3)
    ids = tokenizer.get_vocab()
    assert table[ids["<tool é>"]] == "<tool é>".encode()
    assert table[ids["é"]] == "é".encode()
    assert table[ids["<hidden>"]] is None
    assert table[ids["<eos>"]] is None
    assert table[len(tokenizer) :] == (None, None, None)


def test_ids_beyond_the_logits_are_left_out():
    assert len(token_bytes(byte_level_tokenizer(), 100)) == 100


def test_kind_is_read_from_the_pre_tokenizer_where_there_is_no_decoder():
    tokenizer = byte_level_tokenizer()
    expected = token_bytes(tokenizer, len(tokenizer))
    tokenizer.backend_tokenizer.decoder = None
    assert token_bytes(tokenizer, len(tokenizer)) == expected


def tokenizer_with(decoder):
    backend = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    if decoder is not None:
        backend.decoder = decoder
    return PreTrainedTokenizerFast(tokenizer_object=backend)


@pytest.mark.parametrize(
    "decoder",
    [
        None,
        decoders.CTC(),
        decoders.BPEDecoder(),
        decoders.Sequence([decoders.Strip(" ", 1, 0), decoders.Fuse()]),
        decoders.Sequence([decoders.Fuse(), decoders.Strip(" ", 0, 1)]),
    ],
)
def test_unknown_kinds_are_refused_with_the_remedy(decoder):
    with pytest.raises(VocabularyError, match="vocabulary="):
        token_bytes(tokenizer_with(decoder), 2)


def test_a_tokenizer_without_a_backend_is_refused():
    with pytest.raises(VocabularyError, match="fast tokenizer"):
        token_bytes(SimpleNamespace(), 2)


@pytest.mark.parametrize(
    ("generation", "config", "own", "expected"),
    [
        (5, 9, None, (5,)),
        ([5, 7], 9, 3, (3, 5, 7)),
        (None, 9, None, (9,)),
        (None, None, 3, (3,)),
        (None, None, None, ()),
        (50, None, 3, (3,)),
    ],
)
def test_eos_ids(generation, config, own, expected):
    model = SimpleNamespace(
        generation_config=SimpleNamespace(eos_token_id=generation),
        config=SimpleNamespace(eos_token_id=config),
    )
    assert eos_ids(SimpleNamespace(eos_token_id=own), model, 10) == expected


# Against llguidance's own reader, which makes the masks


def tokenizers_at_hand():
    """Those made here, and of each folder of published models under SMC_MODELS, where it is set."""
    folders = sorted(Path(os.environ.get("SMC_MODELS", "")).glob("*/tokenizer.json"))
    published = [str(f.parent) for f in folders] if os.environ.get("SMC_MODELS") else []
    return [byte_level_tokenizer, byte_fallback_tokenizer, *published]


@pytest.mark.parametrize(
    "source", tokenizers_at_hand(), ids=lambda value: getattr(value, "__name__", str(value))
)
def test_token_bytes_are_those_of_llguidances_own_reader(source):
    """But for the byte that it marks special tokens with."""
    reader = pytest.importorskip("llguidance.hf")
    import transformers

    made = transformers.AutoTokenizer.from_pretrained(source) if isinstance(source, str) else None
    tokenizer = made or source()
    size = max(tokenizer.get_vocab().values()) + 1
    theirs = reader.from_tokenizer(tokenizer, n_vocab=size)
    ours = token_bytes(tokenizer, size)
    differ = [
        (i, own, theirs.decode_bytes([i]))
        for i, own in enumerate(ours)
        if own is not None and own != b"\xff" and theirs.decode_bytes([i]) != own
    ]
    assert differ == []
    assert sum(own is not None for own in ours) > 0.9 * size
