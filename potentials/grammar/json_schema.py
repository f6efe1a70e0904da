"""A JSON schema as an exact token mask."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from potentials.grammar.llguidance import NO_FORCING
from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.mask_potential import MaskPotential
from potentials.grammar.matchers import GrammarState
from potentials.grammar.scheduling import GrammarVerdict
from potentials.grammar.schema import formats, reading, signs
from potentials.grammar.schema.compiler import Compiler
from potentials.grammar.schema.duplicates import Scan, has_fresh_name
from potentials.grammar.schema.resources import Resources, Schema
from potentials.grammar.schema.token_names import TokenNames
from smc.errors import GrammarError
from smc.model import Vocabulary, unpack_mask


@dataclass(frozen=True, slots=True)
class DocumentState(GrammarState):
    """The state of a document in which names matter.

    Attributes:
        scan: The names of the objects that the text is in.
    """

    scan: Scan = field(default=Scan(), compare=False)


class JSONSchema(MaskPotential):
    r"""The JSON documents that a schema allows, in one spelling, as a constraint on every token.

    The schema is one of draft 2020-12, or of the draft that its `$schema` names (4, 6, 7, 2019-09).
    The spelling: properties come in the schema's order, those that it does not name last; integers
    have no fraction or exponent, nor has a number with bounds an exponent, nor a multiple more
    decimals than its unit (but for one zero); where the schema says what a string looks like, and
    in names, characters are escaped as `json.dumps` does, those outside of ASCII also not at all.
    Names in an object are unique. So every sentence is a valid
    document, but a valid document may have a spelling that is not a sentence. Nothing stands
    before or after the document, and no token leads where it cannot be finished.

    These formats are checked: date, time, date-time (leap seconds only where hour and minute are
    those of UTC), duration, email (no quoted names), hostname (no labels that stand for Unicode),
    ipv4, ipv6, uri, uri-reference, uuid, json-pointer, relative-json-pointer. The standard's others
    are refused; a format that nobody knows is a remark, with one warning. Patterns are ECMA-262's.

    Args:
        schema: As a dict, or its JSON text.
        whitespace: Between the parts of a document; None: what `json.dumps` writes, compact or
            with a space after `,` and `:`; True: any; False: the separators below, and nothing.
        item_separator: Between items, without white space.
        key_separator: Between a name and its value, without white space.
        max_threads: How many threads fill the masks of distinct texts; None: all cores, at most 8.
        limits: How much work one mask may cost before a `PotentialError`.

    Raises:
        GrammarError: The schema is malformed, allows nothing, or has a keyword that cannot be
            enforced or that nobody knows; none is ignored.
    """

    def __init__(
        self,
        schema: Schema | str,
        *,
        whitespace: bool | None = None,
        item_separator: str = ",",
        key_separator: str = ":",
        max_threads: int | None = None,
        limits: MaskLimits | None = None,
    ) -> None:
        self.schema = reading.parsed(schema)
        if unknown := reading.unknown_formats(self.schema):
            warnings.warn(
                f"JSONSchema: no standard defines the formats {', '.join(map(repr, unknown))}; "
                "they are remarks and demand nothing.",
                stacklevel=2,
            )
        if whitespace is None:
            punctuation = signs.dumped()
        elif whitespace:
            punctuation = signs.free()
        else:
            punctuation = signs.fixed(item_separator, key_separator)
        try:
            compiler = Compiler(Resources(self.schema), frozenset(formats.CHECKED), punctuation)
            source = compiler.compile()
        except RecursionError as error:
            raise GrammarError("JSONSchema: the schema is nested too deeply.") from error
        if source is None:
            raise GrammarError(
                f"JSONSchema: no document at all is valid: {reading.shown(self.schema)}. Give the "
                "schema at least one."
            )
        is_object = isinstance(self.schema, dict) and self.schema.get("type") == "object"
        self._last_bytes = b"}" if is_object else b'}]"0123456789el'
        self._watches_names = compiler.frees_names
        self._tight_names = compiler.tight_names
        self._token_names = TokenNames(())
        source = self._sentences(source)
        super().__init__(NO_FORCING + source, limits=limits, max_threads=max_threads)
        self._byte_matchers = self._matchers  # stays that of bytes where this is bound

    def bind(self, vocabulary: Vocabulary) -> JSONSchema:
        """Return this potential made ready for a vocabulary; the last few are kept."""
        bound = super().bind(vocabulary)
        if self._watches_names and bound._token_names is self._token_names:
            bound._token_names = TokenNames(vocabulary.tokens)
        return bound

    def parse(self, text: str) -> Any:
        """Return the document as Python objects.

        Raises:
            ValueError: It is none.
        """
        return json.loads(text)

    def _sentences(self, source: str) -> str:
        """Return the grammar of the whole text from that of a document."""
        return source

    def start(self) -> GrammarState:
        """Return the empty text."""
        return DocumentState() if self._watches_names else super().start()

    def advance(self, state: GrammarState, new_bytes: bytes) -> GrammarState:
        """Return the text with the bytes after it; the grammar is asked only later."""
        if not isinstance(state, DocumentState) or not new_bytes:
            return super().advance(state, new_bytes)
        scan = state.scan.then(new_bytes)
        return DocumentState(state.text + new_bytes, len(state.text), scan)

    def _accepted_after(self, state: GrammarState, texts: Sequence[bytes]) -> list[int]:
        """See `MaskPotential._accepted_after`; of those, the names are looked at."""
        accepted = super()._accepted_after(state, texts)
        if not accepted or not self._watches_names:
            return accepted
        longer = [self.advance(state, texts[i]) for i in accepted]
        values = self.batch_complete(longer)
        return [i for i, value in zip(accepted, values, strict=True) if value == 0.0]

    def _judge(self, states: Sequence[GrammarState], *, rows: bool) -> list[GrammarVerdict]:
        r"""Judge texts; one that names a property twice begins no sentence."""
        verdicts = super()._judge(states, rows=rows)
        if not self._watches_names:
            return verdicts
        return [self._with_names(s, v) for s, v in zip(states, verdicts, strict=True)]

    def _with_names(self, state: GrammarState, verdict: GrammarVerdict) -> GrammarVerdict:
        if not verdict.viable:
            return verdict
        scan = state.scan if isinstance(state, DocumentState) else Scan().then(state.text)
        row = verdict.row
        if scan.repeats or not self._open(scan, state.text):
            dead = None if row is None else np.zeros_like(row)
            return GrammarVerdict(verdict.text, False, False, dead)
        if row is None:
            return verdict
        banned = self._token_names.repeating(scan, row)
        if self._tight_names:
            banned += self._closed(scan, state.text, row)
        if not banned:
            return verdict
        row = row.copy()
        for i in banned:
            row[i >> 5] &= ~np.uint32(1 << (i & 31))
        return verdict._replace(row=row)

    def _open(self, scan: Scan, text: bytes) -> bool:
        """Whether a name that is begun, or must come, can be one that the object has not."""
        if not self._tight_names or not scan.names or not scan.expects_name:
            return True
        return has_fresh_name(scan, text, self._following)

    def _closed(self, scan: Scan, text: bytes, row: np.ndarray) -> list[int]:
        """Return the allowed tokens after which no name is left that the object has not."""
        tokens = self._token_names.tokens
        allowed = np.flatnonzero(unpack_mask(row[None], len(tokens))[0]).tolist()
        return [
            i
            for i in allowed
            if (token := tokens[i]) and not self._open(scan.then(token), text + token)
        ]

    def _following(self, text: bytes) -> list[int]:
        """Return the bytes that the grammar allows after a text."""
        row = self._byte_matchers.judge([GrammarState(text)], rows=True)[0].row
        assert row is not None
        return np.flatnonzero(unpack_mask(row[None], 256)[0]).tolist()
