"""Messages between processes: four bytes of length, then JSON."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any

HEAD = struct.Struct(">I")


def send(link: socket.socket, message: Any) -> None:
    """Send a message whole."""
    body = json.dumps(message).encode()
    link.sendall(HEAD.pack(len(body)) + body)


def receive(link: socket.socket, most: int = (1 << 32) - 1) -> Any:
    """Return the next message; None if the other side is gone.

    Raises:
        ValueError: It is no JSON, or has more than `most` bytes.
    """
    head = receive_exactly(link, HEAD.size)
    if head is None:
        return None
    size = HEAD.unpack(head)[0]
    if size > most:
        raise ValueError(f"a message has {size} bytes; expected at most {most}")
    body = receive_exactly(link, size)
    return None if body is None else json.loads(body)


def receive_exactly(link: socket.socket, count: int) -> bytes | None:
    """Return that many bytes; None if the other side is gone before."""
    received = bytearray()
    while len(received) < count:
        try:
            part = link.recv(min(count - len(received), 1 << 20))
        except ConnectionError:
            return None
        if not part:
            return None
        received += part
    return bytes(received)
