"""The file system that programs see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ENTER = """
import os, sys
from potentials.sandbox.inside import kernel, view

base, *paths = sys.argv[1:]
user, group = os.geteuid(), os.getegid()
try:
    kernel.call("unshare", kernel.NEW_USER | kernel.NEW_MOUNT)
    maps = {"setgroups": "deny", "gid_map": f"0 {group} 1", "uid_map": f"0 {user} 1"}
    for name, text in maps.items():
        with open("/proc/self/" + name, "w") as file:
            file.write(text)
except OSError as error:
    sys.exit(f"no namespace: {error}")
view.enter(base, paths)
print(os.path.samestat(os.stat(paths[0]), os.stat(paths[-1])))
try:
    open(paths[-1], "ab")
except OSError:
    print("refused")
"""


@pytest.mark.parametrize("link_first", [True, False])
def test_a_running_file_is_shown_once_by_name_and_by_link(link_first: bool, tmp_path: Path) -> None:
    """An environment's interpreter is a link to one that may come after it, and is running."""
    link, base = tmp_path / "python", tmp_path / "base"
    real = Path(sys.executable).resolve()
    link.symlink_to(real)
    base.mkdir()
    paths = [str(link), str(real)] if link_first else [str(real), str(link)]
    done = subprocess.run(
        [sys.executable, "-c", _ENTER, str(base), *paths], capture_output=True, text=True
    )
    if done.stderr.startswith("no namespace"):
        pytest.skip(done.stderr)
    # Writing to what runs is refused, whether the mount or the running forbids it.
    assert (done.stdout.split(), done.stderr) == (["True", "refused"], "")
