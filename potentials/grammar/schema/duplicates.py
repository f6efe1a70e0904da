"""Names that an object already has: a pushdown scan of the text, and the tokens that repeat one.

A context-free grammar cannot remember names. What it allows is cut down here to the tokens after
which every object's names can still be distinct.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

QUOTE, BACKSLASH = 0x22, 0x5C
_MOST_SPELLINGS = 256
_SPACES = b" \t\n\r"
_STRUCTURE = re.compile(rb'["{}\[\],]')
_STRING_END = re.compile(rb'["\\]')


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object or array that has not ended.

    Attributes:
        outer: What it stands in.
        names: Of an object, those that it has so far; None for an array.
    """

    outer: OpenObject | None
    names: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Scan:
    """A document read so far, as far as names matter.

    Attributes:
        inside: The innermost object or array.
        expects_name: Whether the next string is a name.
        string: The bytes of the string that has not ended; None outside of strings.
        escaped: Whether its last byte is a backslash that escapes the next.
        repeats: Whether an object has a name twice.
    """

    inside: OpenObject | None = None
    expects_name: bool = False
    string: bytes | None = None
    escaped: bool = False
    repeats: bool = False

    def then(self, new_bytes: bytes) -> Scan:
        """Return the scan after further bytes."""
        inside, expects, string, escaped = (
            self.inside,
            self.expects_name,
            self.string,
            self.escaped,
        )
        if not escaped and not (_STRUCTURE if string is None else _STRING_END).search(new_bytes):
            read = None if string is None else string + new_bytes
            return self if read is None else Scan(inside, expects, read, False, self.repeats)
        repeats, begin = self.repeats, 0
        for at, byte in enumerate(new_bytes):
            if string is not None:
                if escaped:
                    escaped = False
                elif byte == BACKSLASH:
                    escaped = True
                elif byte == QUOTE:
                    if expects and inside is not None and inside.names is not None:
                        name = _decoded(string + new_bytes[begin:at])
                        repeats = repeats or name in inside.names
                        inside = OpenObject(inside.outer, inside.names | {name})
                    string, expects = None, False
            elif byte == QUOTE:
                string, begin = b"", at + 1
            elif byte == 0x7B:
                inside, expects = OpenObject(inside, frozenset()), True
            elif byte == 0x5B:
                inside, expects = OpenObject(inside, None), False
            elif byte in (0x7D, 0x5D):
                inside, expects = inside.outer if inside else None, False
            elif byte == 0x2C:
                expects = inside is not None and inside.names is not None
        if string is not None:
            string += new_bytes[begin:]
        return Scan(inside, expects, string, escaped, repeats)

    @property
    def partial_name(self) -> bytes | None:
        """The bytes of a name that has not ended."""
        return self.string if self.expects_name else None

    @property
    def names(self) -> frozenset[str]:
        """The names of the innermost object."""
        return (self.inside and self.inside.names) or frozenset()


def has_fresh_name(scan: Scan, text: bytes, following: Callable[[bytes], Iterable[int]]) -> bool:
    """Return whether a name that the innermost object has not can still be written.

    Args:
        scan: Of the text, which expects a name or stands in one.
        text: The text.
        following: Gives the bytes that the grammar allows after a text.
    """
    used = {b'"' + s + b'"' for name in scan.names for s in spellings(name) or ()}
    written = b"" if scan.string is None else b'"' + scan.string
    while not written and not set(following(text)) - set(_SPACES):
        text += bytes(list(following(text))[:1])  # white space that must stand before the name
    stack = [written]
    while stack:
        here = stack.pop()
        for byte in following(text + here[len(written) :]):
            longer = here + bytes([byte])
            if longer in used or (not here and byte in _SPACES):
                continue
            if not any(u.startswith(longer) for u in used):
                return True
            stack.append(longer)
    return False


@lru_cache(maxsize=4096)
def spellings(name: str) -> tuple[bytes, ...] | None:
    """Return the ways in which a name may stand between its quotes; None if they are too many."""
    parts: list[list[bytes]] = []
    ways = 1
    for char in name:
        escaped = json.dumps(char)[1:-1].encode()
        raw = [] if char in '"\\' or char < " " else [char.encode("utf-8", "surrogatepass")]
        parts.append(list(dict.fromkeys([*raw, escaped])))
        ways *= len(parts[-1])
        if ways > _MOST_SPELLINGS:
            return None
    return tuple(b"".join(p) for p in product(*parts))


def _decoded(raw: bytes) -> str:
    if BACKSLASH not in raw:
        return raw.decode(errors="replace")
    try:
        return json.loads(b'"' + raw + b'"', strict=False)
    except ValueError:
        return raw.decode(errors="replace")
