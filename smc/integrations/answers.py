"""Answers of solutions by name: what votes are counted by."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from functools import lru_cache

from smc.errors import SettingsError

Answer = Callable[[str], Hashable | None]

NAMES = ("math", "last_number", "text")
"""And `re:PATTERN`."""
_PATTERN = "re:"


def answer_of(given: str | Answer | None) -> Answer | None:
    r"""Return the function from a solution to its answer; None of a solution: it has none.

    Args:
        given: `math`: what stands in the last `\boxed{…}`, or behind "the answer is", or the last
            number, in a form in which equal answers are the same. `last_number`. `text`: the whole
            solution, without white space around it. `re:PATTERN`: the first group of the last
            match, or all of it. A function is itself, and None (the text as it is) too.

    Raises:
        SettingsError: There is none of this name, or the pattern is malformed.

    Example:
        >>> answer_of("re:answer=(.)")("answer=a, no, answer=b")
        'b'
    """
    if given is None or callable(given):
        return given
    if given == "text":
        return lambda text: text.strip() or None
    if given in ("math", "last_number"):
        return _mathematics if given == "math" else _last_number
    if isinstance(given, str) and given.startswith(_PATTERN):
        return _by_pattern(given.removeprefix(_PATTERN))
    raise SettingsError(
        f"answer: got {given!r:.80}; expected {', '.join(NAMES)}, re:PATTERN, or a function from "
        "the text of a solution to its answer."
    )


@lru_cache(maxsize=4096)
def _mathematics(text: str) -> str | None:
    from potentials.mathematics import canonical, extract

    (answer,) = canonical([extract(text)])
    return answer


def _last_number(text: str) -> str | None:
    from potentials.mathematics import canonical, last_number

    (answer,) = canonical([last_number(text)])
    return answer


def _by_pattern(pattern: str) -> Answer:
    try:
        compiled = re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise SettingsError(
            f"answer: re:{pattern}: {error}; expected a regular expression."
        ) from error

    def answer(text: str) -> str | None:
        last = None
        for match in compiled.finditer(text):
            last = match[1] if compiled.groups else match[0]
        return last

    return answer
