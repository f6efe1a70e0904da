"""A stranger's path: install, sample, constrain, judge, serve and solve, in thirty lines typed."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents import (
    ROOT,
    blocks,
    check_command,
    commands,
    execute,
    free_port,
    wait_for_server,
)

PAGE = (ROOT / "docs" / "thirty-lines.md").read_text(encoding="utf-8")


def typed():
    """The lines of all blocks that are not empty."""
    code = "".join(blocks(PAGE, "python") + blocks(PAGE, "bash"))
    return [line for line in code.splitlines() if line.strip()]


def test_it_is_thirty_lines():
    assert len(typed()) <= 30
    everything = "\n".join(typed())
    for step in ("pip install", "smc.sample", "Regex", "smc.Potential", "smc serve", "solve("):
        assert step in everything


def test_it_runs_in_order(tmp_path, monkeypatch, capsys):
    pytest.importorskip("fastapi", reason="needs the extra serve")
    pytest.importorskip("openai", reason="needs the openai client")
    install, serve = commands(PAGE)
    for word in shlex.split(install)[2:]:
        if word != "openai":
            check_command(f"pip install {word!r}")
    port = free_port()
    monkeypatch.chdir(tmp_path)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    log = tmp_path / "log"
    with log.open("w") as out:
        server = subprocess.Popen(
            shlex.split(serve.replace("8000", port)),
            env={**os.environ, "PATH": path},
            stdout=out,
            stderr=out,
        )
        try:
            wait_for_server(server, port, log)
            execute([b.replace("8000", port) for b in blocks(PAGE, "python")], "thirty lines")
        finally:
            server.terminate()
            server.wait(timeout=120)
    printed = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("Posterior(complete)") for line in printed) == 3
    assert set(printed[-2].strip()) <= set("CNO")
    assert printed[-1].startswith("8 ")  # 8 + 7 = 15, less 7
