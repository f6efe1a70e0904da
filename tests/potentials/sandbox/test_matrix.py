"""Hostile programs under sets of missing walls: what stands must hold what it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.potentials.sandbox import programs_kernel, programs_reaching
from tests.potentials.sandbox.programs import PROGRAMS
from tests.potentials.sandbox.world import world

MISSING = [
    ("user namespace",),
    ("process namespace",),
    ("mount namespace",),
    ("network namespace",),
    ("ipc namespace", "uts namespace"),
    ("landlock",),
    ("seccomp",),
    ("mount namespace", "landlock"),
    ("network namespace", "seccomp"),
    ("process namespace", "mount namespace"),
    ("process namespace", "seccomp"),
    ("user namespace", "process namespace", "mount namespace", "network namespace"),
]

OF_WALLS = {
    **programs_reaching.PROGRAMS,
    **programs_kernel.PROGRAMS,
    **{name: p for name, p in PROGRAMS.items() if p.needs or "fork" in p.code},
}
"""Those whose end depends on what stands; the others are the harness's and the limits' to hold."""


@pytest.mark.parametrize("without", MISSING, ids="+".join)
def test_what_stands_holds_what_it_names(without: tuple[str, ...], tmp_path: Path) -> None:
    not_held = {}
    tried = 0
    with world(tmp_path, without) as there:
        assert all(wall not in there.sandbox.walls for wall in without)
        for name, program in OF_WALLS.items():
            if there.holds(program):
                tried += 1
                try:
                    there.run(program, check=False)
                except AssertionError as error:
                    not_held[name] = str(error)
        there.check()
    assert not_held == {} and tried > len(OF_WALLS) * 2 // 3
