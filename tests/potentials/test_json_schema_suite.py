"""The JSON Schema Test Suite, draft 2020-12: what is right, what is refused, what is wrong."""

import contextlib
import json
import warnings
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from potentials import JSONSchema
from smc.errors import GrammarError

pytestmark = pytest.mark.data

# By version of llguidance: before 1.9 it knows no negative multiples.
NEGATIVE_MULTIPLES = tuple(map(int, version("llguidance").split(".")[:2])) >= (1, 9)


@pytest.fixture(scope="module")
def suite(data_dir: Path) -> Path:
    folder = data_dir / "foreign" / "json_schema" / "tests" / "draft2020-12"
    if not folder.is_dir():
        pytest.skip(f"no JSON Schema Test Suite at {folder}")
    return folder


def outcome(potential: JSONSchema | None, test: dict[str, Any]) -> str:
    """How a document, in the spelling of `json.dumps`, fares."""
    if potential is None:
        return "refused"
    text = json.dumps(test["data"]).encode()
    accepted = potential.complete(potential.advance(potential.start(), text)) == 0.0
    if accepted == test["valid"]:
        return "right"
    return "accepted though invalid" if accepted else "not a sentence though valid"


def outcomes(files: list[Path]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for file in files:
        for case in json.loads(file.read_text(encoding="utf-8")):
            potential = None
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # formats that nobody knows
                with contextlib.suppress(GrammarError):
                    potential = JSONSchema(case["schema"])
            counts.update(outcome(potential, test) for test in case["tests"])
    return counts


def test_the_core_of_the_suite(suite: Path) -> None:
    counts = outcomes(sorted(suite.glob("*.json")))
    assert counts == {
        "right": 1006 + NEGATIVE_MULTIPLES,
        "refused": 271,
        # Other orders of properties, `1.0` for an integer, formats that the core only remarks on.
        "not a sentence though valid": 22 - NEGATIVE_MULTIPLES,
    }


def test_the_optional_part_of_the_suite(suite: Path) -> None:
    counts = outcomes(sorted(suite.glob("optional/**/*.json")))
    assert counts == {
        "right": 740,
        "refused": 160,
        # Leap seconds at an offset, quoted e-mail names, labels that stand for Unicode, 1e308.
        "not a sentence though valid": 26,
    }
