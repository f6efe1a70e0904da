"""The bytes of token ids, for the kinds of tokenizers that language models come with.

A tokenizer's kind is read from how its backend decodes (the `decoder` of `tokenizer.json`), not
from its class name:

* byte-level BPE (GPT-2, Llama 3, Qwen): a token's characters stand for bytes;
* SentencePiece (Llama 2, Mistral, Gemma): `▁` stands for a space, `<0x0A>` for a byte;
* WordPiece (BERT): `##` continues a word. A piece that begins a word stands for a space and its
  characters, also at the very beginning of a text, which so continues a prompt. Punctuation is a
  word: decoding "a." gives " a .".

A token's bytes must not depend on its place: the space that some decoders strip from the start of
a text stays, since a generated text stands after a prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

from smc.errors import VocabularyError

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_SPACE_MARK = "\u2581"

_REMEDY = "Pass vocabulary=smc.Vocabulary(tokens, eos_ids) with the bytes of each id."

ToBytes = Callable[[str], bytes]


def token_bytes(tokenizer: Any, size: int) -> tuple[bytes | None, ...]:
    """Return the bytes of each token id.

    Args:
        tokenizer: A `transformers` tokenizer.
        size: V, the width of the model's logits; may exceed the tokenizer's.

    Returns:
        `[V]` bytes; None for special, unknown-word, unused and empty tokens.

    Raises:
        VocabularyError: The tokenizer is of a kind not listed above.
    """
    spec = _backend_spec(tokenizer)
    to_bytes = _converter(spec)
    tokens: list[bytes | None] = [None] * size
    added = tokenizer.added_tokens_decoder
    literal = _is_byte_level(spec)
    for text, i in tokenizer.get_vocab().items():
        if 0 <= i < size:
            tokens[i] = (text.encode() if literal and i in added else to_bytes(text)) or None
    for i in (*_special_ids(tokenizer, added), *_unknown_ids(tokenizer, spec)):
        if 0 <= i < size:
            tokens[i] = None
    return tuple(tokens)


def eos_ids(tokenizer: Any, model: Any, size: int) -> tuple[int, ...]:
    """Ids that end a sequence: the generation config's (else the config's) and the tokenizer's."""
    generation = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    configured = generation if generation is not None else _config_eos(model)
    ids = {*_as_ids(configured), *_as_ids(tokenizer.eos_token_id)}
    return tuple(sorted(i for i in ids if 0 <= i < size))


def _config_eos(model: Any) -> Any:
    return getattr(getattr(model, "config", None), "eos_token_id", None)


def _as_ids(value: int | Iterable[int] | None) -> tuple[int, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, int) else tuple(int(i) for i in value)


def _special_ids(tokenizer: Any, added: Mapping[int, Any]) -> set[int]:
    return {*tokenizer.all_special_ids, *(i for i, token in added.items() if token.special)}


def _unknown_ids(tokenizer: Any, spec: Mapping[str, Any]) -> tuple[int, ...]:
    """The unknown-word token stands for texts that it does not hold."""
    model = spec.get("model") or {}
    if model.get("unk_id") is not None:
        return (model["unk_id"],)
    if model.get("unk_token"):
        return _as_ids(tokenizer.get_vocab().get(model["unk_token"]))
    return ()


def _backend_spec(tokenizer: Any) -> Mapping[str, Any]:
    """The parsed `tokenizer.json`."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise VocabularyError(
            f"tokenizer {type(tokenizer).__name__}: has no `tokenizers` backend, so how its "
            f"tokens spell bytes is unknown; expected a fast tokenizer. {_REMEDY}"
        )
    return json.loads(backend.to_str())


def _steps(component: Mapping[str, Any] | None, inner: str) -> list[Mapping[str, Any]]:
    """The steps of a decoder or pre-tokenizer, a sequence or one alone."""
    if component is None:
        return []
    if component["type"] == "Sequence":
        return [step for part in component[inner] for step in _steps(part, inner)]
    return [component]


def _decoder_steps(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The decoder's steps; where it has none, those that undo the pre-tokenizer."""
    steps = _steps(spec.get("decoder"), "decoders")
    if steps:
        return steps
    before = _steps(spec.get("pre_tokenizer"), "pretokenizers")
    return [step for step in before if step["type"] in ("ByteLevel", "Metaspace")]


def _is_byte_level(spec: Mapping[str, Any]) -> bool:
    return any(step["type"] == "ByteLevel" for step in _decoder_steps(spec))


def _converter(spec: Mapping[str, Any]) -> ToBytes:
    """How a token's text becomes bytes."""
    steps = _decoder_steps(spec)
    kinds = [step["type"] for step in steps]
    if kinds == ["ByteLevel"]:
        return _byte_level
    if kinds == ["WordPiece"]:
        return _word_piece(steps[0]["prefix"])
    if kinds and set(kinds) <= {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}:
        return _sentence_piece(steps)
    model = (spec.get("model") or {}).get("type")
    raise VocabularyError(
        f"tokenizer: cannot tell the bytes of its tokens from decoder {kinds or None} over a "
        f"{model} model; expected byte-level BPE, SentencePiece or WordPiece. {_REMEDY}"
    )


@cache
def _byte_of_char() -> Mapping[str, int]:
    """GPT-2's map: printable Latin-1 characters are themselves, the rest follow from U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [b for b in range(256) if b not in printable]
    shifted = {chr(0x100 + n): b for n, b in enumerate(others)}
    return {**{chr(b): b for b in printable}, **shifted}


def _byte_level(text: str) -> bytes:
    table = _byte_of_char()
    if all(c in table for c in text):
        return bytes(table[c] for c in text)
    return text.encode()


def _word_piece(prefix: str) -> ToBytes:
    def to_bytes(text: str) -> bytes:
        if prefix and text.startswith(prefix):
            return text[len(prefix) :].encode()
        return b" " + text.encode()

    return to_bytes


def _sentence_piece(steps: Iterable[Mapping[str, Any]]) -> ToBytes:
    """Replacements of single tokens; a strip after `Fuse` concerns the text's start alone."""
    replacements: list[tuple[str, str]] = []
    fallback = False
    fused = False
    for step in steps:
        if step["type"] == "Replace":
            replacements.append((_literal(step), step["content"]))
        elif step["type"] == "Metaspace":
            replacements.append((step.get("replacement", _SPACE_MARK), " "))
        elif step["type"] == "ByteFallback":
            fallback = True
        elif step["type"] == "Fuse":
            fused = True
        elif not fused or step.get("stop"):
            raise VocabularyError(
                f"tokenizer: its decoder strips {step['content']!r} from tokens, so their bytes "
                f"depend on their place; expected a strip of the text's start alone. {_REMEDY}"
            )

    def to_bytes(text: str) -> bytes:
        byte = _BYTE_TOKEN.fullmatch(text) if fallback else None
        if byte:
            return bytes([int(byte[1], 16)])
        for old, new in replacements:
            text = text.replace(old, new)
        return text.encode()

    return to_bytes


def _literal(step: Mapping[str, Any]) -> str:
    pattern = step["pattern"]
    if "String" in pattern:
        return pattern["String"]
    raise VocabularyError(
        f"tokenizer: its decoder replaces the pattern {pattern}; expected a plain string. {_REMEDY}"
    )
