"""Exit statuses of the command lines: errors explained, interruptions told."""

from __future__ import annotations

import sys
from collections.abc import Callable

from smc.errors import SMCError


def explained(work: Callable[[], None]) -> int:
    """Do a command's work; return its exit status: 0, 2 for an error explained, 130 if interrupted.

    Args:
        work: What is done; what it leaves on the way is gone on from by the same command.
    """
    try:
        work()
    except SMCError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here.", file=sys.stderr)
        return 130
    return 0
