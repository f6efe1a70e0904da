"""Programs as solutions: the protocol of their runners, public tests, and code within a text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

_FENCED = re.compile(r"```[a-zA-Z0-9_+-]*\n(.*?)(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True)
class ProgramOutput:
    """What became of a program on one input.

    Attributes:
        ok: It went through.
        output: What it returned or printed, as text; only outputs are ever compared.
        error: Why it did not go through.
    """

    ok: bool
    output: str = ""
    error: str = ""


class ProgramRunner(Protocol):
    """Runs programs that are not to be trusted: `potentials.python.candidates` has one."""

    def run(self, jobs: Sequence[tuple[str, str]]) -> list[ProgramOutput]:
        """Run each (program, input), and return what became of it, in order.

        A program that fails, loops or exits is an output that is not ok, and never raises.
        """
        ...


@dataclass(frozen=True)
class PublicTest:
    """A test that the solver may see.

    Attributes:
        input: What the program is run on: a call, or what it reads.
        output: What must come out; compared without white space at its ends.
    """

    input: str
    output: str

    def passed(self, run: ProgramOutput) -> bool:
        """Return whether a run is as it must be."""
        return run.ok and run.output.strip() == self.output.strip()


def code_of(text: str) -> str:
    r"""Return the program in a text: its last fenced block, or all of it.

    Example:
        >>> code_of("So:\n```python\nx = 1\n```\nDone.")
        'x = 1\n'
    """
    blocks = _FENCED.findall(text)
    return blocks[-1] if blocks else text
