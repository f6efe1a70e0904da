"""Registered potentials in processes of their own: the same values, and what hangs is ended."""

from __future__ import annotations

import math
import time
from contextlib import closing

import pytest

from smc.errors import SettingsError
from smc.integrations.server.potential_process import PotentialProcess
from smc.integrations.server.time_limits import PotentialTimeoutError, RegisteredPotentialError
from smc.potential import IncrementalPotential, Potential, TokenPotential

SOURCE = """
import os
import re
import time
import smc
from potentials import Regex
from potentials.boundaries import every
from smc.potential import IncrementalPotential


class Letters(smc.Potential):
    boundary = every(3)

    def prefix(self, text):
        if "q" in text:
            return -float("inf")
        if "hang" in text:
            re.fullmatch("(a|a?)+b", "a" * 60)
        if "die" in text:
            os._exit(7)
        if "fail" in text:
            raise ValueError("secret")
        return -0.1 * len(text)

    def complete(self, text):
        return 1.5


class Bytes(IncrementalPotential):
    starts = 0

    def start(self):
        type(self).starts += 1
        return b""

    def advance(self, state, new_bytes):
        return state + new_bytes

    def prefix(self, state):
        return float(len(state))

    def complete(self, state):
        return float(sum(state)) + 1000 * self.starts


tokens = Regex("a+")
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("potentials") / "source.py"
    path.write_text(SOURCE)
    return path


@pytest.fixture(scope="module")
def letters(source):
    with closing(PotentialProcess("letters", f"{source}:Letters", 1.0)) as process:
        yield process.potential()


def test_a_function_of_the_text_says_what_it_says_here(letters):
    assert isinstance(letters, Potential) and letters.name == "Letters"
    assert letters.batch_prefix(["", "aé", "q"]) == [0.0, -0.2, -math.inf]
    assert letters.complete("a") == 1.5
    assert letters.boundary.n == 3


def test_one_that_never_gives_up_the_interpreter_is_ended(letters):
    began = time.monotonic()
    with pytest.raises(PotentialTimeoutError, match="does not answer within 1 s"):
        letters.prefix("hang")
    assert time.monotonic() - began < 60
    assert letters.prefix("a") == -0.1


@pytest.mark.parametrize("text", ["die", "fail"])
def test_one_that_fails_tells_the_log_alone(letters, text, caplog):
    with pytest.raises(RegisteredPotentialError, match="potential letters: it failed") as failed:
        letters.prefix(text)
    assert "secret" not in str(failed.value)
    assert ("status 7" if text == "die" else "secret") in caplog.text
    assert letters.prefix("a") == -0.1


def test_states_are_kept_where_the_potential_is(source):
    with closing(PotentialProcess("bytes", f"{source}:Bytes", 10.0)) as process:
        potential = process.potential()
        assert isinstance(potential, IncrementalPotential)
        state = potential.start()
        for piece in ("a", "", "é", "b"):
            state = potential.advance(state, piece.encode())
            assert potential.prefix(state) == len(state)
        # A text that goes on from one that was asked about is not read from its beginning.
        assert potential.batch_complete([state, b"\x00"]) == [sum(state) + 2000.0, 2000.0]


def test_one_that_scores_tokens_is_asked_where_the_vocabulary_is(source):
    with closing(PotentialProcess("tokens", f"{source}:tokens", 10.0)) as process:
        assert isinstance(process.potential(), TokenPotential)


@pytest.mark.parametrize(
    "reference, said", [("/no/file.py:X", "no file"), ("no_such_module:X", "no module named")]
)
def test_what_is_not_there_is_told(reference, said):
    process = PotentialProcess("absent", reference, 10.0)
    with pytest.raises(SettingsError, match=said):
        process.potential()
