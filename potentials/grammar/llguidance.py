"""The adapter of llguidance, the mask engine: all that is known here of its names and ways.

A matcher here reads bytes, not tokens: llguidance's vocabulary is ours followed by the 256 single
bytes and an end of its own. So what a text is worth cannot depend on how it was split into tokens,
and which ids end a sequence is decided outside. Forcing is off, and every error is raised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache, lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np

from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.scheduling import GrammarVerdict, HeldMatcher, Job
from potentials.grammar.slices import slices_for
from smc.errors import GrammarError, PotentialError
from smc.model import mask_width

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

BYTES = 256
NO_FORCING = '%llguidance {"no_forcing": true}\n'
"""First line of every grammar: forced tokens would take probability from other token paths."""

_LEXER_FAILED = "lexer error"
_LIMIT_NAMED_BY = {
    "too many expressions": "step_lexer_fuel",
    "lexer's fuel": "step_lexer_fuel",
    "too many states": "max_lexer_states",
    "Current row has": "max_items_in_row",
    "Too many items": "step_max_items",
    "initial lexer configuration": "initial_lexer_fuel",
    "relevance of lexemes": "initial_lexer_fuel",
    "grammar size": "max_grammar_size",
}
_NOTHING_FOLLOWS = ("NoExtension", "doesn't satisfy the grammar")
_NEVER_TEXT = 0xFF  # in no UTF-8 text; llguidance marks special tokens with it


@cache
def knows_negative_multiples() -> bool:
    """Whether the installed release lets a `multipleOf` be negative: from 1.9 on."""
    major, minor = version("llguidance").split(".")[:2]
    return (int(major), int(minor)) >= (1, 9)


@lru_cache(maxsize=4)
def tokenizer_for(tokens: tuple[bytes | None, ...], slices: tuple[str, ...]) -> LLTokenizer:
    """Return llguidance's tokenizer of the tokens, then the bytes, then an end; about 4 µs a token.

    Args:
        tokens: `[V]` the bytes of each id, None where it is not text.
        slices: See `slices`.
    """
    return _without_slices(tokens).with_slices(list(slices))


@lru_cache(maxsize=2)
def _without_slices(tokens: tuple[bytes | None, ...]) -> LLTokenizer:
    from llguidance import LLTokenizer, TokenizerWrapper

    texts = [*tokens, *(bytes([b]) for b in range(BYTES))]
    known = [b"" if not t or _NEVER_TEXT in t else t for t in texts]
    return LLTokenizer(TokenizerWrapper(_Tokens([*known, b"<end>"])), slices=[])


class _Tokens:
    """The attributes that llguidance asks of a tokenizer."""

    def __init__(self, tokens: list[bytes]) -> None:
        self.tokens = tokens
        self.eos_token_id = len(tokens) - 1
        self.bos_token_id = None
        self.special_token_ids = [self.eos_token_id]

    def __call__(self, text: bytes) -> list[int]:
        first = len(self.tokens) - 1 - BYTES
        return [first + b for b in text]


class LexerSpentError(PotentialError):
    """A lexer ran out of fuel or states; it refuses every text from then on."""


class GrammarRoot:
    """A compiled grammar at the empty text. Its copies share a lexer, its fuel and a lock.

    Args:
        source: The grammar in llguidance's dialect, starting with `NO_FORCING`.
        tokens: `[V]` the bytes of each id.
        limits: See `MaskLimits`.
        name: How errors call the grammar.

    Raises:
        GrammarError: llguidance refuses the grammar.
    """

    def __init__(
        self, source: str, tokens: tuple[bytes | None, ...], limits: MaskLimits, name: str
    ) -> None:
        from llguidance import LLMatcher, LLParserLimits

        bounds = LLParserLimits(**asdict(limits), verbose_errors=False)
        self._first_byte, self._limits, self._name = len(tokens), limits, name
        # No mask is ever asked of it: a mask that it remembered would not bring new fuel.
        tokenizer = tokenizer_for(tokens, slices_for(source))
        self._matcher = LLMatcher(tokenizer, source, log_level=0, limits=bounds)
        self._scratch = np.zeros(mask_width(len(tokens) + BYTES + 1), dtype=np.uint32)
        self._bytes_on_this_fuel = 0
        if self._matcher.is_error():
            message = self._matcher.get_error()
            raise GrammarError(
                f"{name}: the mask engine refuses the grammar: {_brief(message)}. "
                f"Simplify what it names{_limit_met(message, limits)}."
            )

    def judge(self, jobs: Sequence[Job], refuel_every: int) -> None:
        """Bring a matcher to each text and ask it; the slow parts let other threads run.

        Args:
            jobs: Their verdicts and matchers are filled in.
            refuel_every: After how many bytes read without a mask the lexer gets new fuel.

        Raises:
            LexerSpentError: The lexer's fuel or states do not suffice; start again from a new root.
            PotentialError: The engine failed otherwise.
        """
        unsure: Job | None = None
        for job in jobs:
            vouched = self._judge(job, refuel_every)
            if not vouched and job.viable_bytes:
                unsure = job
        # A lexer that is spent refuses all bytes, and may have taken one for what it is not.
        if unsure and not self._matcher.validate_tokens([self._first_byte + unsure.text[0]]):
            raise LexerSpentError(self._failure(unsure.text, "the lexer's fuel is spent"))

    def accepting_after(self, held: HeldMatcher, texts: Sequence[bytes]) -> list[bool] | None:
        """Return whether a matcher accepts each of some texts and then the end, as it stands.

        None where the lexer's fuel did not suffice, or nobody can tell.
        """
        end = self._first_byte + BYTES
        took = []
        for text in texts:
            ids = [self._first_byte + byte for byte in text]
            took.append(held.matcher.validate_tokens([*ids, end]))
        known = held.text or next((t for t, n in zip(texts, took, strict=True) if t and n), b"")
        if self._stuck(held.matcher, held.text) or not known:
            return None
        if not self._matcher.validate_tokens([self._first_byte + known[0]]):
            self._refuel()  # a lexer that is spent refuses all bytes
            return None
        now = held.matcher.is_accepting()  # one that nothing can follow refuses even the end
        return [n > len(t) if t else now for t, n in zip(texts, took, strict=True)]

    def _judge(self, job: Job, refuel_every: int) -> bool:
        """Fill in a job; return whether a mask vouches for the lexer, whose failure it reports."""
        if job.base is None:
            matcher, job.viable_bytes = self._matcher.deep_copy(), 0
        else:
            matcher = job.base.matcher.deep_copy() if job.copy else job.base.matcher
            job.viable_bytes = len(job.base.text)
        accepting = False
        viable = self._read(matcher, job, refuel_every)
        if viable:
            accepting = matcher.is_accepting()
            if job.row is not None:
                matcher.unsafe_compute_mask_ptr(job.row.ctypes.data, job.row.nbytes)
                self._bytes_on_this_fuel = 0
        if viable and not self._stuck(matcher, job.text):
            job.held = HeldMatcher(matcher, job.group, job.text)
        else:
            accepting = False
            if job.row is not None:
                job.row[:] = 0
        job.verdict = GrammarVerdict(job.text, viable, accepting, job.row)
        return viable and job.row is not None

    def _read(self, matcher: LLMatcher, job: Job, refuel_every: int) -> bool:
        """Feed a matcher the rest of a text; return whether all of it may begin a sentence."""
        while job.viable_bytes < len(job.text):
            piece = job.text[job.viable_bytes : job.viable_bytes + refuel_every]
            if self._bytes_on_this_fuel + len(piece) > refuel_every:
                self._refuel()
            self._bytes_on_this_fuel += len(piece)
            taken = matcher.try_consume_tokens([self._first_byte + byte for byte in piece])
            job.viable_bytes += taken
            if taken < len(piece):
                if not matcher.is_stopped():
                    # Only the refusal of a byte tells whether a limit was met or the text is wrong.
                    matcher.consume_token(self._first_byte + piece[taken])
                self._stuck(matcher, job.text)
                return False
        return True

    def _refuel(self) -> None:
        """Renew the lexer's fuel, which only a mask does: at the root it costs least."""
        self._matcher.deep_copy().unsafe_compute_mask_ptr(
            self._scratch.ctypes.data, self._scratch.nbytes
        )
        self._bytes_on_this_fuel = 0

    def _stuck(self, matcher: LLMatcher, text: bytes) -> bool:
        """Return whether nothing can follow here, and raise if the matcher failed.

        Ask after every call: a failed matcher's mask allows the end of the text and nothing else.

        Raises:
            PotentialError: With the engine's words, the text so far and the remedy.
        """
        if not matcher.is_error():
            return False
        message = matcher.get_error()
        if message.startswith(_LEXER_FAILED):
            raise LexerSpentError(self._failure(text, message))
        if not any(words in message for words in _NOTHING_FOLLOWS):
            raise PotentialError(self._failure(text, message))
        return True

    def _failure(self, text: bytes, message: str) -> str:
        return (
            f"{self._name}: the mask engine failed after {_shown(text)}: {_brief(message)}. Make "
            "the grammar less ambiguous and its counted repetitions smaller"
            f"{_limit_met(message, self._limits)}."
        )


@lru_cache(maxsize=256)
def has_text(source: str) -> bool:
    """Return whether a language has any text, the empty one too.

    Args:
        source: In llguidance's dialect, without its first line.

    Raises:
        GrammarError: llguidance refuses it.
    """
    root = GrammarRoot(NO_FORCING + source, (), MaskLimits(), "JSONSchema")
    job = Job(b"", row=np.zeros(mask_width(BYTES + 1), dtype=np.uint32))
    root.judge([job], BYTES)
    assert job.verdict is not None and job.row is not None
    # Without tokens the row has the bits of the 256 bytes, then that of the engine's own end.
    return job.verdict.accepting or bool(np.any(job.row[:-1]))


def _limit_met(message: str, limits: MaskLimits) -> str:
    """Name the limit that a message of the engine's is about; who made the potential may raise it.

    A client of a server cannot, and so needs to know what it is and how much it allows.
    """
    for words, limit in _LIMIT_NAMED_BY.items():
        if words in message:
            return f"; the limit that it met is {limit}={getattr(limits, limit):,} of `MaskLimits`"
    return ""


def _brief(message: str, most: int = 400) -> str:
    """An engine's message on one line, without its inner state and the grammar's text."""
    lines = (line.strip() for line in message.replace("<non-verbose/>", "").splitlines())
    words = " ".join(line for line in lines if not re.match(r"(\d+ )?\||\^+$", line)).rstrip(" .")
    return words[:most] or "no reason given"


def _shown(text: bytes, most: int = 200) -> str:
    words = text.decode(errors="replace")
    return repr(words) if len(words) <= most else f"… {words[-most:]!r} ({len(text)} bytes)"
