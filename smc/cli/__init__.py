"""The command line: `smc demo`, `generate`, `solve`, `calibrate`, `serve`.

The only room that may import everything; each command imports what it needs when it runs.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence

from smc.cli.arguments import parser
from smc.errors import SMCError

COMPLETE = 0
USER_ERROR = 2
EXTINCT = 3
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        argv: Arguments; None: those of the process.

    Returns:
        The exit status: 0; 2 where the user's input is at fault, with one message on standard
        error; 3 where every particle died, or no solution has an answer; 130 after Ctrl-C.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a text may hold what the terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    options = parser().parse_args(argv)
    try:
        if options.command == "demo":
            from smc.cli.demo import demo as command
        elif options.command == "serve":
            from smc.cli.serve import serve as command
        elif options.command == "solve":
            from smc.cli.solve import solve as command
        elif options.command == "calibrate":
            from smc.cli.calibrate import run_calibration as command
        else:
            from smc.cli.generate import generate as command
        extinct = command(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has gone (`| head`); keep the interpreter from writing to it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COMPLETE
    except KeyboardInterrupt:
        print("smc: interrupted", file=sys.stderr)
        return INTERRUPTED
    except (SMCError, OSError) as error:
        print(f"smc: error: {error}", file=sys.stderr)
        return USER_ERROR
    except MemoryError as error:
        why = str(error) or "no more can be had"
        print(
            f"smc: error: not enough memory: {why}. Ask for fewer particles or tokens, or take a "
            "smaller model.",
            file=sys.stderr,
        )
        return USER_ERROR
    return EXTINCT if extinct else COMPLETE
