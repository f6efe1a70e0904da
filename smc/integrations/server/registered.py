"""Registered potentials: the server's own, by the names that clients ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smc.errors import SettingsError
from smc.integrations.server.limited_potentials import with_time_limit
from smc.integrations.server.time_limits import CallLimit
from smc.integrations.server.turns import Turn
from smc.potential import AnyPotential


class RegisteredPotentials:
    """The potentials of a server, each within a time limit.

    Args:
        potentials: By name.
        seconds: That a call may take, where a potential has no `patience` of its own.
        turn: Given up while a call runs.
    """

    def __init__(self, potentials: Mapping[str, AnyPotential], seconds: float, turn: Turn) -> None:
        self._limits = {
            name: CallLimit(name, getattr(potential, "patience", seconds), turn)
            for name, potential in potentials.items()
        }
        self._limited = {n: with_time_limit(p, self._limits[n]) for n, p in potentials.items()}

    def named(self, names: Sequence[str]) -> list[AnyPotential]:
        """Return some of them.

        Raises:
            SettingsError: There is none of a name.
        """
        for name in names:
            if name not in self._limited:
                known = ", ".join(sorted(self._limited)) or "none"
                raise SettingsError(
                    f"potentials: {name!r} is not registered here; expected one of: {known}."
                )
        return [self._limited[name] for name in names]

    @property
    def hanging(self) -> list[str]:
        """Names of those that do not come back from a call."""
        return [name for name, limit in self._limits.items() if limit.hangs]
