"""JSON documents in frames: one or several of a schema, each between two marks."""

from __future__ import annotations

import json
import re
from typing import Any

from potentials.grammar.json_schema import JSONSchema
from potentials.grammar.llguidance import NO_FORCING
from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.schema.resources import Schema
from smc.errors import GrammarError

_SYMBOL = re.compile(r"\b(?:start|[rfjT]\d+)\b")
_STRUCTURE = frozenset('"{}[],\\')


class FramedJSON(JSONSchema):
    r"""Documents of a schema, each with a mark before and behind it, and nothing else.

    Documents are those of `JSONSchema`, in its spelling.

    Args:
        schema: Of each document.
        before: The mark before the first document; may be empty.
        after: The mark behind each; may be empty, unless there may be several documents.
        between: The mark before each further document; None: there is one document.
        alone: In the place of all that, the text may be one bare document of another schema.
        limits: How much work one mask may cost before a `PotentialError`.

    Raises:
        GrammarError: As of `JSONSchema`; or a mark has a character of JSON's structure (`{`, `"`,
            `,`, …), or the marks cannot be told from documents.

    Example:
        >>> calls = FramedJSON({"type": "boolean"}, "<a>", "</a>", between="<a>")
        >>> calls.complete(calls.advance(calls.start(), b"<a>true</a><a>false</a>"))
        0.0
        >>> calls.parse("<a>true</a><a>false</a>")
        [True, False]
    """

    def __init__(
        self,
        schema: Schema | str,
        before: str,
        after: str,
        *,
        between: str | None = None,
        alone: JSONSchema | None = None,
        limits: MaskLimits | None = None,
    ) -> None:
        if any(_STRUCTURE & set(mark) for mark in (before, after, between or "")):
            raise GrammarError(
                f"FramedJSON: got the marks {before!r}, {after!r}, {between!r}; expected them "
                f"without any of {' '.join(sorted(_STRUCTURE))}."
            )
        if between is not None and not (after and between):
            raise GrammarError("FramedJSON: several documents need marks that are not empty.")
        if alone is not None and not before:
            raise GrammarError("FramedJSON: beside a bare document others need a mark before them.")
        self._before, self._after, self._between, self._alone = before, after, between, alone
        super().__init__(schema, limits=limits)
        ends = self._last_bytes or b""
        self._last_bytes = (after.encode()[-1:] or ends) + (
            alone._last_bytes or b"" if alone else b""
        )

    def parse(self, text: str) -> list[Any]:
        """Return the documents as Python objects.

        Raises:
            ValueError: There are none.
        """
        if self._alone is not None and not text.startswith(self._before):
            return [self._alone.parse(text)]
        read, at, mark = json.JSONDecoder().raw_decode, 0, self._before
        documents = []
        while True:
            if not text.startswith(mark, at):
                raise ValueError(f"expected {mark!r} at character {at}")
            document, at = read(text, at + len(mark))
            documents.append(document)
            if not text.startswith(self._after, at):
                raise ValueError(f"expected {self._after!r} at character {at}")
            at += len(self._after)
            if at == len(text):
                return documents
            if self._between is None:
                raise ValueError(f"expected an end at character {at}")
            mark = self._between

    def _sentences(self, source: str) -> str:
        """Return the grammar of framed documents."""
        start, _, rest = source.partition("\n")
        document = start.removeprefix("start: ")
        lines = ["start: framed"]
        first = " ".join(
            ["BEFORE"] * bool(self._before) + [document] + ["AFTER"] * bool(self._after)
        )
        further = "" if self._between is None else f" | framed BETWEEN {document} AFTER"
        lines.append(f"framed: {first}{further}")
        marks = {"BEFORE": self._before, "AFTER": self._after, "BETWEEN": self._between}
        named = [
            f"{name}: {json.dumps(mark, ensure_ascii=False)}"
            for name, mark in marks.items()
            if mark
        ]
        if self._alone is not None:
            self._watches_names |= self._alone._watches_names
            self._tight_names |= self._alone._tight_names
            lines[0] += " | x0"
            named.append(_renamed(self._alone._source.removeprefix(NO_FORCING)))
        return "\n".join([*lines, rest.rstrip("\n"), *named]) + "\n"


def _renamed(source: str) -> str:
    """Return a document's grammar with other names for all it has; its start is `x0`."""
    lines = []
    for line in source.strip().splitlines():
        name, _, body = line.partition(": ")
        rule = name[0] in "rfs"
        lines.append(f"{_SYMBOL.sub(_other, name)}: {_SYMBOL.sub(_other, body) if rule else body}")
    return "\n".join(lines)


def _other(symbol: re.Match[str]) -> str:
    if symbol[0] == "start":
        return "x0"
    return f"X{symbol[0]}" if symbol[0][0] == "T" else f"x{symbol[0]}"
