"""The error of planning texts that cannot be used."""

from __future__ import annotations

from smc.errors import SMCError


class PDDLError(SMCError, ValueError):
    """A domain, a problem or a goal that is malformed, or says what is not supported.

    Attributes:
        what: What was found.
        line: Where, counted from 1; None where it is in no line.
        expected: What should stand there.
        remedy: What to do about it; "" where `expected` says it all.
    """

    def __init__(
        self, what: str, *, line: int | None = None, expected: str = "", remedy: str = ""
    ) -> None:
        self.what, self.line, self.expected, self.remedy = what, line, expected, remedy
        where = "" if line is None else f"line {line}: "
        wanted = f"; expected {expected}." if expected else "."
        super().__init__(f"PDDL: {where}{what}{wanted}{' ' + remedy if remedy else ''}")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuilt, (self.what, self.line, self.expected, self.remedy)


def _rebuilt(what: str, line: int | None, expected: str, remedy: str) -> PDDLError:
    """Make the error again in another process."""
    return PDDLError(what, line=line, expected=expected, remedy=remedy)
