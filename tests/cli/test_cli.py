"""The command line as a whole."""

import re
import subprocess
import sys

import pytest

from smc import cli


def test_version_and_help(capsys):
    for argv in (["--version"], ["--help"], ["generate", "--help"], ["demo", "--help"]):
        with pytest.raises(SystemExit) as stop:
            cli.main(argv)
        assert stop.value.code == 0
    out = capsys.readouterr().out
    assert re.search(r"^smc \d+\.\d+", out) and "examples:" in out


@pytest.mark.parametrize("argv", [[], ["serve-tea"], ["generate", "--model", "m"]])
def test_wrong_usage_ends_with_2(argv, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(argv)
    assert stop.value.code == 2 and "usage:" in capsys.readouterr().err


def test_importing_the_command_line_is_light():
    code = "import sys, smc.cli; print(*{m.split('.')[0] for m in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {
        "torch",
        "transformers",
        "rdkit",
        "lark",
        "llguidance",
        "rich",
        "domains",
        "potentials",
    }
    assert heavy & set(done.stdout.split()) == set()
