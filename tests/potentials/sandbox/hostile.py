"""Hostile programs, and how each must end.

A program that gets what it is after prints the word in `ESCAPED`. Names in capitals are filled in
by the test: HOST_PID, the process that owns the sandbox; SECRET, a file that only it may know;
PORT and UDP_PORT, where something listens; ABSTRACT and ABSTRACT_DATAGRAM, the names of abstract
sockets where something listens; SOCKET, the path of another; HOST_NAME, the name of the machine.

A program that multiplies gives up by itself, after `BOMB_DEPTH` forks in a row of one process or
after a few seconds, so that it is held by its own text where a wall turns out to have a hole.
"""

from dataclasses import dataclass

ESCAPED = "ESC" + "APED"

BOMB_DEPTH = 6
BOMB = f"""
import os, time
end, depth = time.monotonic() + 10, {BOMB_DEPTH}
while time.monotonic() < end:
    try:
        if depth and os.fork() == 0:
            os.write(1, b"child ")
        depth = max(0, depth - 1)
    except OSError:
        pass
os._exit(0)
"""
"""Tries for 2 ** BOMB_DEPTH processes; writes a word for each that it gets besides its first."""

CHAIN = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
end = time.monotonic() + 10
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    try:
        os.setsid()
    except OSError:
        pass
os._exit(0)
"""
"""Is never the same process for long, nor in the same group if it can help it."""

TRY = """
def attempt(act):
    try:
        found = act()
    except (OSError, ValueError, MemoryError, RuntimeError) as error:
        print(type(error).__name__, error)
    else:
        print("ESC" + "APED", found)
"""

SYSCALL = (
    TRY
    + """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def syscall(number, *arguments):
    if libc.syscall(number, *[ctypes.c_long(a) for a in arguments]) < 0:
        raise OSError(ctypes.get_errno(), "denied")
    return number
"""
)

FORGE = """
import gc, os
gc.unfreeze()
found = [o for o in gc.get_objects() if type(o).__name__ == 'generator']
key = [o for o in found if o.__name__ == '_session'][0].gi_frame.f_locals['key']
def say(body, key=key):
    mac = key.copy()
    mac.update(body)
    os.write(3, len(body).to_bytes(4, 'big') + mac.digest() + body)
"""
"""Finds the key of the command that it runs by, and signs what it likes."""


@dataclass(frozen=True)
class Hostile:
    """A program.

    Attributes:
        code: Its text.
        outcomes: Any of which it may have.
        needs: The walls, any of which holds it, divided by `|`.
    """

    code: str
    outcomes: str = "ok error"
    needs: str = ""


FILES = "mount namespace|landlock"
NETWORK = "network namespace|seccomp"
