"""The execution potential: does the program run?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from potentials.python.runner import ProgramPieces, ProgramResult, Runner, pieces_of
from potentials.python.statements import python_statements
from smc.errors import SettingsError
from smc.potential import Boundary, Potential

if TYPE_CHECKING:
    from potentials.sandbox import Limits, Sandbox

STATEMENTS: Any = object()
"""Stands for the default boundary: `python_statements` after the beginning of the program."""


class PythonExecution(Potential):
    r"""Keeps a text the beginning, and in the end the whole, of a program that runs.

    `prefix` runs the finished statements, each once: the next statement goes on in a copy of the
    process that ran those before it. An exception that one of them raises is −inf, since nothing
    that follows can undo it; so is a program that is killed, leaves by `SystemExit` or goes over a
    limit of memory or output. A statement that is not certainly finished waits. `complete` runs
    everything, and `after` behind it.

    Programs are taken as hostile: they run in a `potentials.sandbox.Sandbox`. What it imports once
    is not imported anew for every program. That a program ran is its own word, which one that was
    written to lie can give, as it can swallow its exceptions; `after` runs in its interpreter, and
    so checks nothing that a program would hide. `PythonTests` does.

    The statements are those of one module, though each is compiled when its turn comes: what is
    an error of the module only (`x = 1; global x`) is an error of the statement that makes it so,
    and a string after a statement is no docstring.

    Args:
        setup: Source run before the text, in the same namespace.
        inputs: Sources run between `setup` and the text; the program is run once for each, and the
            log weights add.
        before: The beginning of the program, if the text goes on from one (`before + text` is
            taken apart): the head of a function, say.
        after: Source run behind the finished program; an exception in it is the program's.
        timeout: Log weight of running into the time limit: a finite number, or −inf.
        sandbox: Where programs run; default: one of its own, closed with the potential.
        limits: Of a run; default: those of the sandbox. With time limits near what programs take,
            the speed of the machine decides.
        boundary: When `prefix` is asked; default `python_statements(before)`; None: after every
            token.

    Raises:
        SettingsError: An option is out of its range.
        PotentialError: (when asked) `setup` or an input fails.
        SandboxError: (when asked) The sandbox is broken.

    Example:
        >>> execution = PythonExecution("import math")
        >>> execution.prefix("x = math.tau\ny = x.upper()")
        0.0
        >>> execution.prefix("x = math.tau\ny = x.upper()\n")
        -inf
    """

    concurrent = True  # programs run in processes of the sandbox

    def __init__(
        self,
        setup: str = "",
        *,
        inputs: Sequence[str] = ("",),
        before: str = "",
        after: str = "",
        timeout: float = -math.inf,
        sandbox: Sandbox | None = None,
        limits: Limits | None = None,
        boundary: Boundary[Any] | None = STATEMENTS,
    ) -> None:
        if isinstance(inputs, str) or not inputs:
            raise SettingsError(
                f"PythonExecution: inputs is {inputs!r}; expected a sequence of at least one "
                'source, ("",) for a program that needs none.'
            )
        if math.isnan(timeout) or timeout == math.inf:
            raise SettingsError(
                f"PythonExecution: timeout is {timeout}; expected a log weight: a finite number, "
                "or −inf. The seconds are in `limits`."
            )
        self.setup, self.inputs = setup, tuple(inputs)
        self.before, self.after, self.timeout = before, after, timeout
        self.boundary = python_statements(before) if boundary is STATEMENTS else boundary
        self._runner = Runner("PythonExecution", sandbox, limits)

    def prefix(self, text: str) -> float:
        """Return −inf if the finished statements do not run."""
        return self.batch_prefix([text])[0]

    def complete(self, text: str) -> float:
        """Return −inf if the program does not run."""
        return self.batch_complete([text])[0]

    def batch_prefix(self, texts: Sequence[str]) -> list[float]:
        """`prefix` of several texts, run in parallel."""
        return self._weigh([pieces_of(self.before + text, whole=False) for text in texts])

    def batch_complete(self, texts: Sequence[str]) -> list[float]:
        """`complete` of several texts, run in parallel."""
        after = (self.after,) if self.after else ()
        return self._weigh([(*pieces_of(self.before + t, whole=True), *after) for t in texts])

    def _weigh(self, programs: list[tuple[str, ...]]) -> list[float]:
        own = [tuple(filter(None, (self.setup, given))) for given in self.inputs]
        verdicts = iter(self._runner.run([ProgramPieces(o, p) for p in programs for o in own]))
        return [sum(self._log_weight(next(verdicts)) for _ in own) for _ in programs]

    def _log_weight(self, verdict: ProgramResult) -> float:
        if verdict.ok:
            return 0.0
        return self.timeout if verdict.outcome == "timeout" else -math.inf
