"""A Python regular expression as an exact token mask."""

from __future__ import annotations

import re
from dataclasses import replace

from potentials.grammar.lark.automata import alphabet as alphabets
from potentials.grammar.lark.automata import pattern, re_semantics, rust_regex
from potentials.grammar.llguidance import NO_FORCING
from potentials.grammar.mask_limits import MaskLimits
from potentials.grammar.mask_potential import MaskPotential
from smc.errors import GrammarError

_FLAGS = {
    re.ASCII: "a",
    re.IGNORECASE: "i",
    re.MULTILINE: "m",
    re.DOTALL: "s",
    re.UNICODE: "u",
    re.VERBOSE: "x",
}
_MOST_STATES = 300  # of an automaton that is spelt out; more make the engine slow


class Regex(MaskPotential):
    r"""The texts that `re.fullmatch(pattern, text)` matches, as a constraint on every token.

    Exactly Python's meaning, Unicode included: `\d`, `\w`, `\s`, negated classes and letters
    without case are spelled out as the characters that Python matches. Lazy quantifiers mean the
    same as greedy ones, since the whole text must match. Lookahead, word boundaries and inner `$`
    are worked out where they give an automaton of moderate size, and refused elsewhere. Always
    refused, for no exact mask can be had: backreferences, conditional groups, atomic groups,
    possessive quantifiers, long lookbehind, and `^` inside the pattern.

    Args:
        pattern: As for `re.compile`.
        flags: As for `re.compile`: IGNORECASE, DOTALL, ASCII, VERBOSE, MULTILINE.
        max_threads: How many threads fill the masks of distinct texts; None: all cores, at most 8.
        limits: How much work one mask may cost before a `PotentialError`.

    Raises:
        GrammarError: The pattern is malformed, matches nothing, or has a refused construct.
    """

    def __init__(
        self,
        pattern: str,
        flags: int = 0,
        *,
        max_threads: int | None = None,
        limits: MaskLimits | None = None,
    ) -> None:
        self.pattern = pattern
        source = f"{NO_FORCING}start: /{engine_regex(pattern, flags)}/\n"
        super().__init__(source, limits=limits, max_threads=max_threads)


def engine_regex(python: str, flags: int = 0) -> str:
    """Return a regex for llguidance that matches what `re.fullmatch` does.

    Args:
        python: A Python pattern.
        flags: Of `re`.

    Raises:
        GrammarError: The pattern is malformed or has a construct that cannot be carried over.
    """
    if not isinstance(python, str):
        raise GrammarError(f"Regex: got a pattern of type {type(python).__name__}, expected str.")
    try:
        node = pattern.parse(_inline(python, flags) + _without_outer_anchors(python))
        if not re_semantics.looks_around(node):
            return rust_regex.spell(node)
        # All assertions are decided where the text ends, at the latest.
        node = pattern.Seq((node, pattern.End()))
        alphabet = alphabets.build([node])
        automaton = re_semantics.language(node, alphabet)
        whole = replace(automaton, accept=tuple(a & alphabet.end for a in automaton.accept))
        if len(whole.steps) > _MOST_STATES:
            raise pattern.Unsupported(
                f"needs {len(whole.steps)} states for its assertions, more than {_MOST_STATES}"
            )
        if whole.empty:
            raise pattern.Unsupported("matches no text at all")
        return rust_regex.spell_dfa(whole, alphabet)
    except (pattern.Unsupported, RecursionError, OverflowError) as error:
        raise GrammarError(
            f"Regex: {python!r} {error}; there is no exact token mask of it. Rewrite the pattern "
            "without that, or check the text in a `Potential` of your own."
        ) from error


def _inline(python: str, flags: int) -> str:
    """The flags as Python writes them at the start of a pattern."""
    known = sum(_FLAGS)
    if flags & ~known:
        raise GrammarError(
            f"Regex: {python!r}: got the flags {re.RegexFlag(flags & ~known)!r}, expected only "
            "ASCII, IGNORECASE, MULTILINE, DOTALL, UNICODE or VERBOSE."
        )
    letters = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
    return f"(?{letters})" if letters else ""


def _without_outer_anchors(python: str) -> str:
    """Drop an anchor at either end: the whole text is matched anyway."""
    head = re.match(r"((?:\\A|\^)*)", python)
    rest = python[head.end() if head else 0 :]
    return re.sub(r"(?<!\\)((?:\\\\)*)(?:\\Z|\$)\Z", r"\1", rest)
