"""Regular expressions as token masks, against `re.fullmatch`."""

import re
from itertools import product

import numpy as np
import pytest

from potentials.grammar.regex import Regex, engine_regex
from smc.errors import GrammarError
from tests.potentials.masking import disagreements, mask_of, sentences, straddling, vocabulary_of

LETTERS = [*'abABſsKk1٣ \n"\\é/]-x_\t😀.ǅ\x1c\x85']
WORDS = ["aab", "aaa", "abab", "xay", "a\n\n", "ab1", "a-b", "xxx", "11.5", "foo bar", "a$", "ax"]
PAIRS = ["".join(p) for p in product(LETTERS[:16], repeat=2)]
TEXTS = ["", *LETTERS, *PAIRS, *WORDS, "xx", "\n\t "]

CARRIED = [
    "a*",
    "(a|)b",
    "(|a)*b?",
    "a{2,3}?b",
    "a{2,}",
    "a.*?b",
    r"\d+",
    r"\w+\s?",
    r"\W",
    r"\D\S",
    r'[^"\\]*',
    "(?i)ka",
    "(?i)[a-c]s",
    "(?i)[^a]",
    ".+",
    "(?s).{1,2}",
    "^a$",
    "^a|b$",
    r"\Aa\Z",
    r"a\\$",
    r"a\$$",
    r"a[^\s\S]|b",
    "",
    "(?:)",
    "x{0}",
    "x{0,0}b",
    "/+",
    r"[/\]\-]+",
    r"\n\t ",
    "(?i:a)b",
    r"(?a)\w",
    r"(?a)\s\d?",
    "é+",
    "(?P<n>a)b",
    r"\x41|\u00e9",
    r"(?x) a  # comment",
    r"\d+(\.\d+)?",
]
ASSERTED = [
    r"(?!ab)\w{1,3}",
    "a(?=b)b",
    "a(?<!b)b*",
    r"a$\n?",
    r"(?m)a$\n?",
    r"^(?!.*xx)[xa]*$",
    r"\w+(?!1)",
    "(?i)(?!A)[a-b]+",
    r"a\b-?b?",
]


@pytest.mark.parametrize("pattern", CARRIED + ASSERTED)
def test_the_language_is_that_of_fullmatch(pattern: str) -> None:
    regex = Regex(pattern)
    states = [regex.advance(regex.start(), t.encode()) for t in TEXTS]
    matched = [value == 0.0 for value in regex.batch_complete(states)]
    expected = [re.fullmatch(pattern, t) is not None for t in TEXTS]
    wrong = [t for t, f, e in zip(TEXTS, matched, expected, strict=True) if f != e]
    assert any(expected)
    assert not wrong


@pytest.mark.parametrize(
    "flags", [re.I, re.S, re.A, re.M, re.X, re.I | re.A, re.I | re.S | re.X, re.U]
)
def test_flags_mean_what_they_mean_in_python(flags: int) -> None:
    for pattern in ("[a-k]\\w", "a .", "^s$", "k.?$"):
        regex = Regex(pattern, flags)
        states = [regex.advance(regex.start(), t.encode()) for t in TEXTS]
        for text, value in zip(TEXTS, regex.batch_complete(states), strict=True):
            assert (value == 0.0) == (re.fullmatch(pattern, text, flags) is not None), (
                pattern,
                text,
            )


@pytest.mark.parametrize(
    ("pattern", "alphabet", "longest", "depth"),
    [
        ("a(bc)*", "abc", 8, 3),
        ("(a|bb){1,2}c?", "abc", 5, 5),
        ("é[^a]?", "éa", 2, 4),
        ("(?!ab)[ab]{2,3}", "ab", 3, 3),
        (".b", "é\nb", 2, 3),
    ],
)
def test_every_bit_of_every_mask(pattern: str, alphabet: str, longest: int, depth: int) -> None:
    known = sentences(lambda t: re.fullmatch(pattern, t) is not None, alphabet, longest)
    vocabulary = straddling(alphabet, 3)
    # Bytes of other characters are not in the vocabulary, so these sentences are all of them.
    assert not disagreements(Regex(pattern), vocabulary, known, depth)


@pytest.mark.parametrize(
    ("pattern", "named"),
    [
        (r"(a)\1", "back-reference"),
        ("(a)?(?(1)b|c)", "conditional"),
        ("(?>a)b", "atomic"),
        ("a++", "possessive"),
        ("a^b", r"\^"),
        (r"(?<=ab)c", "behind|before"),
        (r"\bfoo", "before"),
        ("(", "unterminated"),
        ("a(?=b)", "no text"),
        ("a$b", "no text"),
        (r"[^\s\S]", "no text"),
        (r"(?=.{400}x)[a-z]{500}", "states"),
    ],
)
def test_what_cannot_be_carried_is_refused_by_name(pattern: str, named: str) -> None:
    with pytest.raises(GrammarError, match=named) as caught:
        Regex(pattern)
    assert "Regex" in str(caught.value)


def test_unknown_flags_and_byte_patterns_are_refused() -> None:
    with pytest.raises(GrammarError, match="DEBUG"):
        engine_regex("a", re.DEBUG)
    with pytest.raises(GrammarError, match="bytes"):
        engine_regex(b"a")  # type: ignore[arg-type]


def test_a_number_with_tokens_that_straddle() -> None:
    vocabulary = vocabulary_of([b"1", b"12", b".", b".5", b"1.", b"a", b"5a"], ends=2)
    bound = Regex(r"\d+(\.\d+)?").bind(vocabulary)
    assert np.flatnonzero(mask_of(bound, b"", vocabulary)).tolist() == [0, 1, 4]
    assert np.flatnonzero(mask_of(bound, b"1", vocabulary)).tolist() == [0, 1, 2, 3, 4, 7, 8]
    assert np.flatnonzero(mask_of(bound, b"1.", vocabulary)).tolist() == [0, 1]
