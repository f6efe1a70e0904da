"""Sandboxed validation: constraints are made in a process of their own before the server does."""

from __future__ import annotations

from potentials.sandbox import Job, Limits, Outcome, Sandbox
from smc.errors import GrammarError

_IMPORTS = (
    "potentials.grammar.framed_json",
    "potentials.grammar.grammar",
    "potentials.grammar.json_schema",
    "potentials.grammar.lark.translation",
    "potentials.grammar.regex",
    "potentials.marks",
    "smc.integrations.constraints",
    "lark",
    "llguidance",
)
_PROGRAM = """\
from pathlib import Path
from smc.integrations.constraints import constraints, request_limits
constraints(**{{{kind!r}: Path("text").read_text("utf-8")}}, limits=request_limits())
"""


class SandboxedValidation:
    """Makes constraints where that can be stopped.

    Args:
        cpu_seconds: Of processor time that one may take.
        memory_bytes: That it may take.
        workers: How many are tried at the same time.

    Raises:
        SandboxError: No such process can be had on this machine.
    """

    def __init__(
        self, *, cpu_seconds: float = 5.0, memory_bytes: int = 1 << 30, workers: int = 2
    ) -> None:
        self._limits = Limits(
            wall_seconds=4 * cpu_seconds, cpu_seconds=cpu_seconds, memory_bytes=memory_bytes
        )
        # The program is ours, and only its input hostile: fewer walls will do.
        self._sandbox = Sandbox(imports=_IMPORTS, workers=workers, snapshots=0, unsafe=True)
        _ = self._sandbox.walls

    def __call__(self, kind: str, text: str) -> None:
        """Make a constraint and throw it away.

        Args:
            kind: Of `constraints`: `grammar`, `regex`, `json_schema`, …
            text: The constraint.

        Raises:
            GrammarError: It is malformed, or takes more time or memory than allowed.
            SandboxError: The process could not be had.
        """
        files = (("text", text.encode()),)
        result = self._sandbox.run(
            Job((_PROGRAM.format(kind=kind),), files=files, reuse=False, limits=self._limits)
        )
        if result.ok:
            return
        if result.outcome is Outcome.ERROR:
            raise GrammarError(result.message)
        raise GrammarError(
            f"{kind}: it takes more time or memory to make than this server gives: "
            f"{result.message}. Expected a smaller one: fewer or shorter counted repetitions, "
            "fewer terminals that are alike."
        )

    def close(self) -> None:
        """End the processes."""
        self._sandbox.close()
