"""Everything in the README of the integrations runs."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import smc
from tests.documents import free_port, wait_for_server

ROOT = Path(smc.__file__).parent.parent
README = (ROOT / "smc" / "integrations" / "README.md").read_text(encoding="utf-8")
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def blocks(section, language):
    text = re.search(rf"^## {section}\n(.*?)(?=^## |\Z)", README, flags=re.DOTALL | re.MULTILINE)
    assert text is not None, section
    return re.findall(rf"^```{language}\n(.*?)^```", text[1], flags=re.DOTALL | re.MULTILINE)


def execute(block, space):
    exec(compile(block, "README.md", "exec"), space)


def shell(block):
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=ROOT,
        env={**os.environ, "PATH": PATH},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_both_ways_into_generate(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path))
    space: dict = {}
    for section in ("transformers: a callable", "transformers: a folder"):
        (block,) = blocks(section, "python")
        execute(block, space)
    named = capsys.readouterr().out.splitlines()[-1]
    assert re.match(r"Molecule: [CNO]{3,12}", named)


@pytest.mark.slow
def test_the_harness(tmp_path):
    pytest.importorskip("lm_eval", reason="needs the extra lm-eval")
    (block,) = blocks("lm-evaluation-harness", "bash")
    assert "exact_match" in shell(block.replace("runs/tasks", str(tmp_path / "tasks")))


def test_the_server(tmp_path, capsys):
    pytest.importorskip("fastapi", reason="needs the extra serve")
    pytest.importorskip("openai", reason="needs the openai client")
    port = free_port()
    start, curl = (b.replace("8000", port) for b in blocks("A server", "bash"))
    (client,) = blocks("A server", "python")
    command = shlex.split(start.replace("\\\n", " "))
    folder = tmp_path / "temporary"
    folder.mkdir()
    environment = {**os.environ, "PATH": PATH, "TMPDIR": str(folder)}
    with (tmp_path / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_for_server(server, port, tmp_path / "log")
            answer = json.loads(shell(curl))
            assert len(answer["choices"]) == 3 and answer["smc"][0]["log_evidence"] <= 0
            space: dict = {}
            execute(client.replace("8000", port), space)
            space["client"].close()
            assert "atoms" in capsys.readouterr().out
        finally:
            server.terminate()
            assert server.wait(timeout=60) == 0
    assert not list(folder.glob("sandbox-*")), "left behind"


@pytest.mark.slow
def test_many_machines(tmp_path):
    pytest.importorskip("ray", reason="needs the extra ray")
    (block,) = blocks("Many machines", "bash")
    table = shell(block.replace("runs/molecules", str(tmp_path / "molecules")))
    assert "smc" in table and "items" in table


def test_what_it_names_exists():
    named = re.findall(r"`((?:smc|benchmarks)/[\w/.]+)`", README)
    missing = [path for path in named if not (ROOT / path).exists()]
    assert named and not missing


def test_every_field_in_the_table_is_one_of_a_request():
    from smc.integrations.server.requests import ChatRequest, CompletionRequest

    table = "".join(line for line in README.splitlines(True) if line.startswith("| `"))
    first = [line.split("|")[1] for line in table.splitlines()]
    fields = re.findall(r"`(\w+)`", "".join(first))
    known = {*ChatRequest.model_fields, *CompletionRequest.model_fields}
    assert len(fields) > 10 and set(fields) <= known
