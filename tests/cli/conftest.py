"""A tiny model on disk, a file of potentials, and the command line as a function."""

import pytest

from smc import cli
from tests.models import saved_model

MINE = """
import math
import smc

class Short(smc.Potential):
    def prefix(self, text):
        return 0.0 if len(text) < 2 else -math.inf

    def complete(self, text):
        return -math.inf

class Weighted(smc.Potential):
    def __init__(self, weight):
        self.weight = weight

    def complete(self, text):
        return self.weight * text.count("e")

class Nan(smc.Potential):
    def prefix(self, text):
        return math.nan

many_e = Weighted(2.0)
not_one = 3
"""


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return str(saved_model(tmp_path_factory.mktemp("model") / "tiny"))


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def run(capsys):
    """Run a command; return its exit status, standard output and standard error."""

    def call(*argv):
        status = cli.main([str(a) for a in argv])
        return status, *capsys.readouterr()

    return call
