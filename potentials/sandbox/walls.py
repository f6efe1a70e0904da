"""Walls: the kernel features that stand between a program and the machine."""

from __future__ import annotations

from dataclasses import dataclass

HOLD_PROCESSES = ("process namespace", "uid", "seccomp")
"""With any of these all that a program started is ended at one stroke, and signals nobody else."""

HOLD_FILES = ("mount namespace", "landlock", "uid")
"""Without one of these a program is the user: it reads and writes the user's files and memory."""


@dataclass(frozen=True)
class Walls:
    """Which walls stand.

    Attributes:
        stand: Those that do, by name.
        missing: Those that do not, each with the reason.
    """

    stand: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]

    @property
    def enough(self) -> bool:
        """Whether programs are ended for sure with all that they start, and act not as the user."""
        return all(any(n in self.stand for n in names) for names in (HOLD_PROCESSES, HOLD_FILES))

    def __contains__(self, name: str) -> bool:
        return name in self.stand

    def __str__(self) -> str:
        lines = ["walls that stand: " + (", ".join(self.stand) or "none")]
        if self.missing:
            lines.append("missing: " + "; ".join(f"{n} ({why})" for n, why in self.missing))
        else:
            lines.append("missing: none")
        return "\n".join(lines)
