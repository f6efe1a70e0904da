"""Parsed texts: what the texts of a posterior stand for, those that mean the same together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from smc.errors import SettingsError

T = TypeVar("T")


def parsed(
    probabilities: Mapping[str, float], parse: Callable[[str], T] | None
) -> list[tuple[T, float]]:
    """Return the objects of some texts with their probabilities, the most probable first.

    Args:
        probabilities: By text.
        parse: From a text to an object; raises a ValueError where it cannot.

    Raises:
        SettingsError: There is no parser, or it cannot read a text.
    """
    if parse is None:
        raise SettingsError(
            "posterior: none of its potentials reads texts; expected the run's own parser. Pass "
            "one, `parsed(json.loads)`, or sample with potentials.OutputType."
        )
    found: list[tuple[T, float]] = []
    for text, probability in probabilities.items():
        try:
            value = parse(text)
        except ValueError as error:
            raise SettingsError(
                f"posterior: {text!r:.200} cannot be read: {error}; expected texts that the "
                "parser knows. Constrain the run by what it reads."
            ) from error
        same = (i for i, (other, _) in enumerate(found) if _alike(other, value))
        place = next(same, len(found))
        before = found[place][1] if place < len(found) else 0.0
        found[place : place + 1] = [(value, before + probability)]
    return sorted(found, key=lambda pair: -pair[1])


def _alike(one: object, other: object) -> bool:
    """Whether two objects are the same for a reader: 1, 1.0 and True are not."""
    return bool(one == other) and repr(one) == repr(other)
