r"""Answers of solutions: taken from the text, and compared with the gold one.

What is extracted, in this order: the last `\boxed{…}`; what stands behind the last `####` or "the
(final) answer is", of a number with its unit the number; the last number. Equality is that of
`math-verify`, after numerals that it misreads were put otherwise (`numerals`), and with small
numbers told apart (`algebra`):

- two decimals are equal if they are the same number; a decimal and another form (`0.333333` and
  `1/3`) if they agree in their first six decimals and four digits;
- two numerals with a base are equal if they are the same number; the base may be left out (`204`
  for `204_5`), since problems ask for it;
- a percentage is equal with its sign and without (`50\%` and `50`), and to its value (`0.5`);
- a set in braces is no tuple, nor an interval; words are equal in any case.

What exceeds the limits of the sandbox, or is longer than `LONGEST`, is not equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from potentials.mathematics.algebra import ask
from potentials.mathematics.numerals import decimal, in_base, rewritten
from potentials.sandbox import Outcome

LONGEST = 500
"""Characters of an answer that is looked at."""

_TAIL = 20_000  # the answer stands at the end
_MARK = r"(?:####|\banswer\s+is\b\s*:?|\banswer\s*:)"
_SAYS = re.compile(rf"{_MARK}\s*((?:(?!{_MARK})[^\n])+)", re.IGNORECASE)
_BOX = re.compile(r"\\(?:boxed|fbox)\s*\{|\\.|[{}]", re.DOTALL)
# A sign behind a digit is an operator; a comma that is not between thousands is punctuation.
_NUMBER = re.compile(
    r"(?:(?<![\w)])-)?(?:(?:\d{1,3}(?:,\d{3}(?!\d))+|\d+)(?:\.\d+)?|\.\d+)(?:/\d+)?"
)
_UNIT = re.compile(
    rf"\$?({_NUMBER.pattern}) "
    r"(?!(?:and|or|to|plus|minus|times|over|hundred|thousand|[mb]illion|dozen|percent|pi)\b)"
    r"[a-z]{2,}(?: [a-z]+)*",
    re.IGNORECASE,
)
_WORD = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf)\{([A-Za-z]{2,})\}|([A-Za-z]{2,})")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:(,|\s|\\[,; ])\d{3})(?:\1\d{3})*(?:\.\d+)?")


def extract(text: str) -> str | None:
    r"""Return the answer that a solution gives, or None.

    Example:
        >>> extract(r"So $x = \boxed{\frac{1}{2}}$. I hope it is correct.")
        '\\frac{1}{2}'
        >>> extract("Then 3 * 4 = 12.\n#### 1,200")
        '1,200'
        >>> extract("The answer is **18 dollars**.")
        '18'
    """
    tail = text[-_TAIL:].replace("\N{MINUS SIGN}", "-")
    boxed = _boxed(tail)
    if boxed is not None:
        return _bare(boxed) or None
    said = [each for each in map(str.strip, _SAYS.findall(tail)) if each]
    if said:
        bare = _bare(said[-1].rstrip(".").strip("*`"))
        number = _UNIT.fullmatch(bare)
        return number.group(1) if number else bare or None
    return last_number(tail)


def last_number(text: str) -> str | None:
    """Return the last number that a text shows, or None.

    Example:
        >>> last_number("First 3, then 1,200 apples.")
        '1,200'
    """
    numbers = _NUMBER.findall(text[-_TAIL:].replace("\N{MINUS SIGN}", "-"))
    return numbers[-1] if numbers else None


def equal(gold: str, answer: str | None) -> bool:
    """Whether an answer equals the gold one; never raises on account of its text."""
    return equal_many([(gold, answer)])[0]


def equal_many(pairs: Sequence[tuple[str, str | None]]) -> list[bool]:
    """`equal` of several pairs of gold and answer, in parallel."""
    verdicts = [_plainly_equal(gold, answer) for gold, answer in pairs]
    open_ = [k for k, verdict in enumerate(verdicts) if verdict is None]
    calls = [("same", *(rewritten(each or "") for each in pairs[k])) for k in open_]
    for k, result in zip(open_, ask(calls), strict=True):
        verdicts[k] = result.outcome is Outcome.OK and result.value is True
    return [bool(verdict) for verdict in verdicts]


def canonical(answers: Sequence[str | None]) -> list[str | None]:
    """Return for each answer a text that is the same for equal ones as far as is easily told.

    This groups votes: what `math-verify` reads, as `sympy` writes it; what it cannot read stays as
    it is, without white space. None stays None.
    """
    texts = [None if a is None or len(a) > LONGEST else _tidy(a) for a in answers]
    plain = [None if text is None else _plain(text) for text in texts]
    open_ = [k for k, text in enumerate(texts) if text is not None and plain[k] is None]
    calls = [("canonical", _spaced(answers[k] or "")) for k in open_]
    for k, result in zip(open_, ask(calls), strict=True):
        known = result.outcome is Outcome.OK and result.value is not None
        plain[k] = str(result.value) if known else texts[k]
    return plain


def _plain(text: str) -> str | None:
    """Return the canonical text of a decimal or of a numeral with a base; None for others."""
    number, numeral = decimal(text), in_base(text)
    if number is not None:
        return str(number)
    return None if numeral is None else f"{numeral}_{{10}}"


def _plainly_equal(gold: str, answer: str | None) -> bool | None:
    """What needs no algebra; None: the sandbox must tell."""
    if answer is None or len(answer) > LONGEST:
        return False
    mine, theirs = _tidy(gold), _tidy(answer)
    for read in (decimal, in_base):
        values = read(mine), read(theirs)
        if None not in values:
            return values[0] == values[1]
    if {_kind(mine), _kind(theirs)} == {"set", "tuple"}:
        return False
    words = _word(mine), _word(theirs)
    alike = mine == theirs or (None not in words and words[0] == words[1])
    return True if alike else None


def _kind(text: str) -> str:
    """Return whether an answer is a set in braces, or a tuple or interval; else ""."""
    bare = re.sub(r"\\(?:left|right|[bB]igg?[lr]?)(?![a-zA-Z])", "", text)
    if bare.startswith("\\{") and bare.endswith("\\}"):
        return "set"
    enclosed = re.fullmatch(r"[(\[][^()\[\]]*,[^()\[\]]*[)\]]", bare)
    return "tuple" if enclosed else ""


def _word(text: str) -> str | None:
    """Return a word, in lower case, that is set as text; None if it is something else."""
    match = _WORD.fullmatch(text)
    return (match[1] or match[2]).casefold() if match else None


def _tidy(answer: str) -> str:
    """Without white space too, but for a gap before a digit that follows a digit or a comma.

    `3 4` is not 34, and `1, 234` is a list.
    """
    return re.sub(r"(?<![\d,]) | (?!\d)", "", _spaced(answer))


def _spaced(answer: str) -> str:
    """Without dollars, the commas and gaps between thousands, and other than single spaces."""
    bare = answer.replace("$", "").replace("\\!", "").replace("{,}", ",").strip()
    if _THOUSANDS.fullmatch(bare):
        return re.sub(r",|\s|\\[,; ]", "", bare)
    return re.sub(r"(?:\s|~|\\[,; ])+", " ", rewritten(bare)).strip()


def _boxed(text: str) -> str | None:
    r"""What the last `\boxed{…}` holds whose braces are closed; `\{` and `\}` are no braces."""
    open_: list[tuple[bool, int]] = []
    last: tuple[int, int] | None = None
    for match in _BOX.finditer(text):
        token = match.group()
        if token == "}":
            box, begin = open_.pop() if open_ else (False, 0)
            if box and (last is None or begin > last[0]):
                last = begin, match.start()
        elif token.endswith("{") and token != "\\{":
            open_.append((token != "{", match.end()))
    return None if last is None else text[last[0] : last[1]]


def _bare(answer: str) -> str:
    """Without white space, dollars, and a full stop around it."""
    answer = answer.strip()
    if not answer.endswith("\\right."):
        answer = answer.rstrip(".").strip()
    while len(answer) > 1 and answer[0] == answer[-1] == "$":
        answer = answer[1:-1].strip()
    return answer.removeprefix("$").strip() if answer.count("$") == 1 else answer
