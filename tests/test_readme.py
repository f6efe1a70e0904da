"""Everything in the README runs."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT, blocks, check_command, commands, execute

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_python_runs_in_order(monkeypatch, capsys, tmp_path):
    """From an empty folder: what is installed is all that it needs."""
    monkeypatch.chdir(tmp_path)
    space = execute(blocks(README, "python"), "README.md")
    assert space["posterior"].best
    assert capsys.readouterr().out.strip()


def test_the_commands_parse():
    for command in commands(README):
        for part in command.split(" && "):
            check_command(part)


def test_the_commands_run_in_order(tmp_path):
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ours = [c for c in commands(README) if not c.startswith(("make", "pip"))]
    assert len(ours) >= 3
    for command in ours:
        done = subprocess.run(
            shlex.split(command.replace("runs/try", str(tmp_path / "try"))),
            cwd=ROOT,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=600,
        )
        assert done.returncode == 0, command + done.stdout + done.stderr
        assert (done.stdout + done.stderr).strip()


def test_files_named_in_the_readme_exist():
    named = re.findall(r"\]\(([^)#:]+)\)", README)
    assert named and all((ROOT / path).exists() for path in named)


def test_the_map_of_systems_is_that_of_the_documentation():
    """The README's columns are the documentation's: the system, where it is, what was measured."""
    systems = (ROOT / "docs" / "systems.md").read_text(encoding="utf-8")
    rows = [_cells(line) for line in systems.splitlines() if line.startswith("| ")]
    expected = [
        (r[0], r[1], r[3].replace("](results/", "](benchmarks/results/"))
        for r in rows
        if r[0] not in ("paper", "system", "---")
    ]
    ours = README.split("the four papers they rest on</summary>")[1].split("</details>")[0]
    shown = [_cells(line) for line in ours.splitlines() if line.startswith("| ")]
    assert shown[0] == ("system", "here", "measured here")
    assert len(expected) == 18 and shown[2:] == expected


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1])
