"""Blocks of code in Markdown: what the tests run and parse of README, pages and notebooks."""

import ast
import json
import re
import shlex
import socket
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOT_RUN = re.compile(r"<!-- not run: (.+?) -->\n```python\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(text, language):
    """Return the fenced blocks of a language, those that say that they are not run left out."""
    text = NOT_RUN.sub("", text)
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def cells(notebook):
    """Return the code of a notebook, a cell an entry."""
    found = json.loads(notebook.read_text(encoding="utf-8"))
    assert found["nbformat"] == 4
    return ["".join(c["source"]) for c in found["cells"] if c["cell_type"] == "code"]


def commands(text):
    """Return the command lines of the blocks in bash, without comments."""
    lines = "".join(blocks(text, "bash")).replace("\\\n", " ").splitlines()
    return [line.split(" #")[0].strip() for line in lines if line.split("#")[0].strip()]


def execute(pieces, name):
    """Run pieces of Python in order, in one namespace, which is returned."""
    space: dict = {"__name__": name}
    for piece in pieces:
        exec(compile(piece, name, "exec"), space)
    return space


def parses(code):
    """Whether code that is not run is Python; it may await, as in a notebook."""
    compile(code, "block", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return True


def check_command(line):
    """Parse a command line as its command would."""
    words = shlex.split(line)
    if words[0] == "smc":
        from smc.cli.arguments import parser

        parser().parse_args(words[1:])
    elif words[0] == "make":
        makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
        for target in (word for word in words[1:] if "=" not in word):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target
    elif words[:2] == ["pip", "install"]:
        check_install(words[2:])
    elif words[:3] == ["python", "-m", "benchmarks"]:
        from benchmarks.__main__ import parser as benchmarks

        benchmarks().parse_args(words[3:])
    else:
        assert words[0] in ("source", "curl"), f"nobody knows how to parse {line!r}"


def check_install(words):
    """Check that the extras of a requirement exist."""
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for word in words:
        extras = re.fullmatch(r"smc-lm(?:\[([\w,-]+)\])?", word)
        if extras and extras[1]:
            assert set(extras[1].split(",")) <= set(project["optional-dependencies"]), word
        assert extras or re.fullmatch(r"torch==[\d.]+|openai", word), word


def free_port():
    """Return a port that nobody listens at, as text."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def wait_for_server(server, port, log):
    """Return once a server of a page is healthy; fail with its log where it ends or never is."""
    until = time.monotonic() + 300
    while time.monotonic() < until:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(log.read_text())
