"""The health of a server: whether its engine still computes."""

from __future__ import annotations

from smc.integrations.server.lanes import Lanes


def ailment(lanes: Lanes, stuck_seconds: float) -> str | None:
    """Return what is wrong with the engine; None where nothing is.

    Args:
        lanes: The engine.
        stuck_seconds: That one token may take.
    """
    if not lanes.alive:
        return "engine stopped"
    seconds = lanes.step_seconds
    if seconds > stuck_seconds:
        return f"engine stuck: it has been at one token for {seconds:.0f} s"
    return None
