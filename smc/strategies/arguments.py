"""Checks of arguments that several strategies take."""

from __future__ import annotations

import numpy as np

from smc.errors import SettingsError


def at_least_one(**values: int) -> None:
    """Raise unless every value is a whole number above 0.

    Raises:
        SettingsError: One is not.
    """
    for name, value in values.items():
        whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
        if not (whole and value > 0):
            raise SettingsError(f"{name}: expected a whole number above 0, got {value!r}.")
