"""A runner of candidate programs in the sandbox: each on one input, called or read by it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from smc.errors import SettingsError
from smc.strategies.programs import ProgramOutput

if TYPE_CHECKING:
    from potentials.sandbox import Limits, RunResult, Sandbox

Kind = Literal["call", "stdin"]

_READ = "import io as _io, sys as _sys\n_sys.stdin = _io.StringIO({text!r})\ndel _io, _sys\n"


class SandboxRunner:
    r"""Runs programs that are not to be trusted, as `smc.strategies.s_star` needs it.

    `call`: the input is an expression, such as `f(3)`, and the output the `repr` of its value.
    `stdin`: the input is what the program reads, and the output what it prints.

    Args:
        sandbox: Where programs run.
        kind: What inputs and outputs are.
        limits: Of a run; None: those of the sandbox.

    Raises:
        SettingsError: Another kind.
    """

    def __init__(
        self, sandbox: Sandbox, kind: Kind = "call", *, limits: Limits | None = None
    ) -> None:
        if kind not in ("call", "stdin"):
            raise SettingsError(f"kind: expected 'call' or 'stdin', got {kind!r}.")
        self._sandbox = sandbox
        self._kind = kind
        self._limits = limits

    def run(self, jobs: Sequence[tuple[str, str]]) -> list[ProgramOutput]:
        """Run each (program, input) by itself, in parallel as far as the sandbox allows.

        Raises:
            SandboxError: The sandbox is broken.
        """
        from potentials.sandbox import Job

        made = [
            Job((program,), result=f"repr(({given}\n))", limits=self._limits)
            if self._kind == "call"
            else Job((_READ.format(text=given), program), limits=self._limits)
            for program, given in jobs
        ]
        results = self._sandbox.run_many(made) if made else []
        return [self._output(result) for result in results]

    def _output(self, result: RunResult) -> ProgramOutput:
        if not result.ok:
            error = f"{result.error}: {result.message}" if result.error else str(result.outcome)
            return ProgramOutput(False, error=error[:500])
        return ProgramOutput(True, str(result.value) if self._kind == "call" else result.stdout)
