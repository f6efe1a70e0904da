"""`smc generate`: options that stand for objects, each as in Python."""

import json
import re

import pytest

import smc
from potentials import Choice, OutputType
from potentials.boundaries import every, lines, sentences, steps

TYPES = """
from __future__ import annotations
import enum
from dataclasses import dataclass
import smc
from potentials.boundaries import after

class Vowel(enum.Enum):
    A = "a"
    E = "e"

@dataclass
class Flag:
    on: bool

def callback(f: type[int]): ...

at_e = after("e")
"""


@pytest.fixture
def types(tmp_path):
    path = tmp_path / "types_of_mine.py"
    path.write_text(TYPES)
    return path


def record(run, model, *argv):
    status, out, err = run(
        "generate", "--model", model, "--device", "cpu", "--prompt", "one", "--json",
        "--max-tokens", 12, "--seed", 4, *argv,
    )  # fmt: skip
    assert status in (0, 3), err
    return json.loads(out)


@pytest.mark.parametrize(
    ("argv", "potentials", "arguments"),
    [
        (["--top-p", 0.8, "--top-k", 7], [], {"top_p": 0.8, "top_k": 7}),
        (["--choice", "the", "--choice", r"a\tb"], [Choice(["the", "a\tb"])], {}),
        (["--resample-at", "line"], [], {"resample_at": lines()}),
        (["--resample-at", "sentence"], [], {"resample_at": sentences()}),
        (["--resample-at", "step"], [], {"resample_at": steps()}),
        (["--resample-at", "every:3"], [], {"resample_at": every(3)}),
        (["--proposal", "local:1.5"], [], {"proposal": smc.LocalProposal(1.5)}),
        (["--proposal", "rejection:2"], [], {"proposal": smc.RejectionProposal(extra_checks=2)}),
    ],
    ids=["top", "choice", "line", "sentence", "step", "every", "local", "rejection"],
)
def test_options_are_those_of_python(run, model, argv, potentials, arguments):
    own = smc.sample(
        smc.load(model, device="cpu"), "one", potentials, max_tokens=12, seed=4, **arguments
    )
    given = smc.Posterior.from_json(json.dumps(record(run, model, *argv)))
    assert given.sequences == own.sequences


def test_a_draft_is_a_model(run, model):
    drafted = record(run, model, "--proposal", f"draft:{model}")
    assert drafted["status"] == "complete"


def test_types_of_ones_own(run, model, types):
    given = record(run, model, "--output-type", f"{types}:Vowel")
    assert set(given["probabilities"]) <= {"a", "e"}
    status, out, err = run(
        "generate", "--model", model, "--device", "cpu", "--prompt", "one",
        "--max-tokens", 40, "--output-type", f"{types}:Flag",
    )  # fmt: skip
    assert status == 0, err
    assert "value" in out and "Flag(on=" in out
    assert record(run, model, "--resample-at", f"{types}:at_e")["status"] == "complete"


def test_a_system_message_makes_a_chat(run, model):
    status, _, err = run("generate", "--model", model, "--prompt", "hi", "--system", "be brief")
    assert status == 2 and "template" in err


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--proposal", "magic"], "--proposal magic: expected one of local"),
        (["--proposal", "draft"], "expected one of local"),
        (["--proposal", "local:hot"], "'hot' is no number"),
        (["--resample-at", "moon"], "--resample-at moon: expected one of line"),
        (["--resample-at", "every:x"], "'x' is no number"),
        (["--resample-at", "{types}:Flag"], "expected a boundary"),
        (["--output-type", "{types}:Nothing"], "has no 'Nothing'"),
        (["--output-type", "{types}:callback"], r"callback\.f: type\[int\]"),
        (["--choice", ""], "--choice: Choice: got ''"),
        (["--top-p", "0"], "top_p"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_an_option_may_not_be(run, model, types, argv, message):
    argv = [a.replace("{types}", str(types)) for a in argv]
    status, out, err = run("generate", "--model", model, "--prompt", "one", *argv)
    assert status == 2 and not out
    assert re.search(message, err.replace("\n", " ")), err


def test_an_output_type_is_one_object_of_the_module(types):
    from smc.references import find_object

    assert OutputType(find_object(f"{types}:Vowel", "--output-type")).parse("a").name == "A"
