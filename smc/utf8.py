"""Incremental UTF-8 decoding: bytes that may start and end inside a character."""

from __future__ import annotations

import codecs


def decode_more(pending: bytes, new: bytes) -> tuple[str, bytes]:
    """Decode bytes that may start and end inside a UTF-8 character.

    Returns:
        The text, invalid bytes as U+FFFD, and the bytes of an incomplete last character.
    """
    data = pending + new
    try:
        return data.decode(), b""
    except UnicodeDecodeError:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        return decoder.decode(data), decoder.getstate()[0]
