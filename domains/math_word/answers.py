r"""The answer of a solution, and whether it equals the gold one.

What is extracted, in this order: the last `\boxed{…}`; what stands behind the last `####` or "the
(final) answer is", of a number with its unit the number; the last number. Equality is that of
`math-verify`. An answer is text of a language model, and a computer algebra system can be made to
compute for ever, so it runs in the sandbox, under limits; what exceeds them, or is longer than
`LONGEST`, is not equal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from potentials.sandbox import Job, Limits, Outcome, Sandbox

if TYPE_CHECKING:
    from potentials.sandbox import RunResult

LONGEST = 500
"""Characters of an answer that is looked at."""

LIMITS = Limits(wall_seconds=10.0, cpu_seconds=3.0, processes=1)
_TAIL = 20_000  # the answer stands at the end
_SAYS = re.compile(r"(?:####|\banswer\s+is\s*:?|\banswer\s*:)\s*([^\n]+)", re.IGNORECASE)
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
_WHOLE = re.compile(r"[-+]?\d{1,30}")
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(?:(,|\s|\\[,; ])\d{3})(?:\1\d{3})*(?:\.\d+)?")

_PROGRAM = """\
import logging
logging.disable(logging.CRITICAL)
import math_verify

def read(text):
    return math_verify.parse("\\\\boxed{" + text + "}", parsing_timeout=None)

def same(gold, answer):
    return bool(math_verify.verify(read(gold), read(answer), timeout_seconds=None))

def canonical(text):
    found = [e for e in read(text) if not isinstance(e, str)]
    return str(found[0]) if found else None

same("\\\\frac{1}{2}", "0.5")  # builds the parser's tables, once for all that are forked from here
"""


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
    found = _boxed(tail)
    if found is not None:
        return _bare(found) or None
    said = _SAYS.findall(tail)
    if said:
        bare = _bare(said[-1].strip().rstrip(".").strip("*`"))
        number = _UNIT.fullmatch(bare)
        return number.group(1) if number else bare or None
    numbers = _NUMBER.findall(tail)
    return numbers[-1] if numbers else None


def equal(gold: str, answer: str | None) -> bool:
    """Whether an answer equals the gold one; never raises on account of its text."""
    return equal_many([(gold, answer)])[0]


def equal_many(pairs: Sequence[tuple[str, str | None]]) -> list[bool]:
    """`equal` of several pairs of gold and answer, in parallel."""
    found: list[bool | None] = [_plainly_equal(gold, answer) for gold, answer in pairs]
    open_ = [k for k, value in enumerate(found) if value is None]
    for k, result in zip(open_, ask([("same", *pairs[k]) for k in open_]), strict=True):
        found[k] = result.outcome is Outcome.OK and result.value is True
    return [bool(value) for value in found]


def canonical(answers: Sequence[str | None]) -> list[str | None]:
    """Return for each answer a text that is the same for equal ones as far as is easily told.

    This groups votes: what `math-verify` reads, as `sympy` writes it; what it cannot read stays as
    it is, without white space. None stays None.
    """
    found = [None if a is None or len(a) > LONGEST else _tidy(a) for a in answers]
    open_ = [k for k, a in enumerate(found) if a is not None and not _WHOLE.fullmatch(a)]
    for k, result in zip(open_, ask([("canonical", found[k]) for k in open_]), strict=True):
        if result.outcome is Outcome.OK and result.value is not None:
            found[k] = str(result.value)
    return [str(int(a)) if a is not None and _WHOLE.fullmatch(a) else a for a in found]


def ask(calls: Sequence[tuple[str | None, ...]]) -> list[RunResult]:
    """Call functions of the program in the sandbox, by name and arguments."""
    jobs = [
        Job((_PROGRAM, f"out = {name}({', '.join(map(repr, arguments))})\n"), result="out")
        for name, *arguments in calls
    ]
    return _sandbox().run_many(jobs) if jobs else []


def _plainly_equal(gold: str, answer: str | None) -> bool | None:
    """What needs no algebra; None: the sandbox must tell."""
    if answer is None or len(answer) > LONGEST:
        return False
    mine, theirs = _tidy(gold), _tidy(answer)
    if _WHOLE.fullmatch(mine) and _WHOLE.fullmatch(theirs):
        return int(mine) == int(theirs)
    return True if mine == theirs else None


def _tidy(answer: str) -> str:
    """Without dollars, the commas and gaps between thousands, and white space.

    A gap before a digit that follows a digit or a comma stays: `1 1/2` is not 11/2, and `1, 234`
    is a list.
    """
    bare = answer.replace("$", "").replace("\\!", "").replace("{,}", ",").strip()
    if _THOUSANDS.fullmatch(bare):
        return re.sub(r",|\s|\\[,; ]", "", bare)
    bare = re.sub(r"(?:\s|\\[,; ])+", " ", bare)
    return re.sub(r"(?<![\d,]) | (?!\d)", "", bare)


def _boxed(text: str) -> str | None:
    r"""What the last `\boxed{…}` holds whose braces are closed; `\{` and `\}` are no braces."""
    open_: list[tuple[bool, int]] = []
    last: tuple[int, int] | None = None
    for found in _BOX.finditer(text):
        token = found.group()
        if token == "}":
            box, begin = open_.pop() if open_ else (False, 0)
            if box and (last is None or begin > last[0]):
                last = begin, found.start()
        elif token.endswith("{") and token != "\\{":
            open_.append((token != "{", found.end()))
    return None if last is None else text[last[0] : last[1]]


def _bare(answer: str) -> str:
    """Without white space, dollars, and a full stop around it."""
    answer = answer.strip()
    if not answer.endswith("\\right."):
        answer = answer.rstrip(".").strip()
    while len(answer) > 1 and answer[0] == answer[-1] == "$":
        answer = answer[1:-1].strip()
    return answer.removeprefix("$").strip() if answer.count("$") == 1 else answer


@lru_cache(maxsize=1)
def _sandbox() -> Sandbox:
    return Sandbox(imports=("math_verify",), limits=LIMITS)
