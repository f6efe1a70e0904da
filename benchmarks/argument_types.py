"""Types of arguments that several commands take: counts, lists of them, minutes, names.

Each raises `argparse.ArgumentTypeError`, so that the command says which argument is wrong, and what
was expected.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Collection
from pathlib import Path


def count(text: str) -> int:
    """Read a whole number from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 on")
    return int(text)


def counts(text: str) -> list[int]:
    """Read distinct whole numbers from 1 on, separated by commas."""
    return [count(str(number)) for number in distinct(text)]


def minutes(text: str) -> float:
    """Read a number above 0; `inf` is one."""
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not number > 0:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0")
    return number


def numbers(text: str) -> list[int]:
    """Read whole numbers from 0 on, separated by commas."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: expected whole numbers, 1,2,4") from error
    if any(n < 0 for n in found):
        raise argparse.ArgumentTypeError(f"{text!r}: expected numbers from 0 on")
    return found


def distinct(text: str) -> list[int]:
    """Read distinct whole numbers from 0 on, separated by commas."""
    found = numbers(text)
    if len(set(found)) < len(found):
        raise argparse.ArgumentTypeError(f"{text!r}: expected distinct numbers from 0 on")
    return found


def some_of(known: Collection[str]) -> Callable[[str], list[str]]:
    """Return a reader of names, separated by commas, that must be some of those known."""

    def names(text: str) -> list[str]:
        given = text.split(",")
        wrong = [name for name in given if name not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"{wrong[0]!r}: expected some of {', '.join(known)}")
        return given

    return names


def add_model_and_out(parser: argparse.ArgumentParser) -> None:
    """Declare what every study of a published model takes: the model, and where records go."""
    parser.add_argument("--model", required=True, help="folder, or a name on the Hub")
    parser.add_argument("--backend", default="transformers", choices=("transformers", "vllm"))
    parser.add_argument("--engine-args", type=json.loads, help="of vLLM, as JSON")
    parser.add_argument("--out", type=Path, required=True, help="folder of records and report")
