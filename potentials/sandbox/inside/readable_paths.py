"""The paths of the file system that an interpreter needs to read."""

from __future__ import annotations

import os
import site
import sys
import sysconfig

DEVICES = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"]

_SYSTEM = [
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/share/zoneinfo",
    "/usr/share/fonts",
    "/usr/share/fontconfig",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/etc/timezone",
]


def readable() -> list[str]:
    """Return the paths that a program may read, parents before their children.

    Libraries of the system, the interpreter with its standard library and installed packages, time
    zones and fonts. Not the whole prefix, which may be somebody's home.
    """
    wanted = [p for p in _SYSTEM if os.path.exists(p)]
    for prefix in {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}:
        wanted += [os.path.join(prefix, name) for name in ("lib", "lib64", "pyvenv.cfg")]
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        wanted.append(sysconfig.get_path(name))
    wanted += site.getsitepackages()
    executable = sys.executable
    while executable:
        wanted.append(executable)
        # Each link of the chain: an environment's interpreter is a link to its base.
        link = os.readlink(executable) if os.path.islink(executable) else ""
        executable = os.path.join(os.path.dirname(executable), link) if link else ""
    return _without_children(sorted({os.path.abspath(p) for p in wanted if os.path.exists(p)}))


def _without_children(paths: list[str]) -> list[str]:
    kept: list[str] = []
    for path in paths:
        inside = any(path.startswith(other + "/") for other in kept if not os.path.islink(other))
        if not inside:
            kept.append(path)
    return kept


def readable_by_all(paths: list[str]) -> bool:
    """Whether a user without rights could reach the paths."""
    for path in paths:
        place = os.path.realpath(path)
        need = 0o5 if os.path.isdir(place) else 0o4
        while True:
            if os.stat(place).st_mode & need != need:
                return False
            if place == "/":
                break
            place, need = os.path.dirname(place), 0o1
    return True
