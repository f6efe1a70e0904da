"""JSON documents in frames: one or several of a schema, each between two marks."""

from __future__ import annotations

import json
from typing import Any

from potentials.grammar.json_schema import JSONSchema
from potentials.grammar.llguidance import MaskLimits
from potentials.grammar.schema.resources import Schema
from smc.errors import GrammarError

_STRUCTURE = frozenset('"{}[],\\')


class FramedJSON(JSONSchema):
    r"""Documents of a schema, each with a mark before and behind it, and nothing else.

    Documents are those of `JSONSchema`, in its spelling.

    Args:
        schema: Of each document.
        before: The mark before the first document; may be empty.
        after: The mark behind each; may be empty, unless there may be several documents.
        between: The mark before each further document; None: there is one document.
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
        limits: MaskLimits | None = None,
    ) -> None:
        if any(_STRUCTURE & set(mark) for mark in (before, after, between or "")):
            raise GrammarError(
                f"FramedJSON: got the marks {before!r}, {after!r}, {between!r}; expected them "
                f"without any of {' '.join(sorted(_STRUCTURE))}."
            )
        if between is not None and not (after and between):
            raise GrammarError("FramedJSON: several documents need marks that are not empty.")
        self._before, self._after, self._between = before, after, between
        super().__init__(schema, limits=limits)
        if after:
            self._last_bytes = after.encode()[-1:]

    def parse(self, text: str) -> list[Any]:
        """Return the documents as Python objects.

        Raises:
            ValueError: There are none.
        """
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
        return "\n".join([*lines, rest.rstrip("\n"), *named]) + "\n"
