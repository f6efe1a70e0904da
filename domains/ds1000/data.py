"""The problems of DS-1000 from its official file, one JSON object a line, packed or not.

Lai et al. 2022 (arXiv:2211.11501). The file is read where it lies and never unpacked to disk.
"""

from __future__ import annotations

import gzip
import json
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

FOLDER = "ds1000"
FILES = ("ds1000.jsonl.gz", "ds1000.jsonl")


@dataclass(frozen=True)
class Ds1000Problem:
    """A problem as its authors wrote it.

    Attributes:
        problem_id: In the whole benchmark.
        library: `Pandas`, `Numpy`, `Scipy`, `Sklearn`, `Matplotlib`, `Pytorch` or `Tensorflow`.
        perturbation: How it was made from a question on the web: `Origin` (not at all), `Surface`,
            `Semantic` or `Difficult-Rewrite`.
        prompt: The text up to where the answer begins.
        reference: The authors' answer. For tests of this package, never for potentials.
        context: The test harness, a Python module.
    """

    problem_id: int
    library: str
    perturbation: str
    prompt: str
    reference: str
    context: str


def load(path: Path | None) -> tuple[Ds1000Problem, ...]:
    """Return the problems of a `.jsonl` or `.jsonl.gz` file, in its order.

    Args:
        path: The file, or a root of data sets, or the folder of the file.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: It is damaged, has another name, or is not DS-1000's.
    """
    if path is None:
        raise FileNotFoundError(f"ds1000: no folder was given; {_EXPECTED}")
    file = path
    if path.is_dir():
        candidates = [folder / name for folder in (path / FOLDER, path) for name in FILES]
        file = next((c for c in candidates if c.is_file()), path / FOLDER / FILES[0])
    if not file.is_file():
        raise FileNotFoundError(f"ds1000: no file {file}; {_EXPECTED}")
    if not file.name.endswith((".jsonl", ".jsonl.gz")):
        raise ValueError(
            f"ds1000: {file} is neither .jsonl nor .jsonl.gz; expected the official file, one JSON "
            "object a line. Rename it if that is what it holds."
        )
    return _problems(file.resolve(), file.stat().st_mtime_ns)


_EXPECTED = (
    f"expected {FOLDER}/{FILES[0]} (or {FILES[1]}), the official file of DS-1000. Set SMC_DATA, or "
    "give --data."
)


@lru_cache(maxsize=4)
def _problems(file: Path, _modified: int) -> tuple[Ds1000Problem, ...]:
    problems: list[Ds1000Problem] = []
    try:
        with (
            gzip.open(file, "rt", encoding="utf-8")
            if file.suffix == ".gz"
            else file.open(encoding="utf-8") as lines
        ):
            for number, line in enumerate(lines, start=1):
                if not line.isspace():
                    problems.append(_problem(line, f"{file}, line {number}"))
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        raise ValueError(
            f"ds1000: {file} is not a complete gzip archive ({error}); fetch it again."
        ) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"ds1000: {file} is not text ({error}); fetch it again; a packed one ends in .gz."
        ) from error
    if not problems:
        raise ValueError(f"ds1000: {file} holds no problems; {_EXPECTED}")
    ids = [p.problem_id for p in problems]
    twice = next((i for i in ids if ids.count(i) > 1), None)
    if twice is not None:
        raise ValueError(
            f"ds1000: {file} has the problem_id {twice} twice; expected each problem once."
        )
    return tuple(problems)


def _problem(line: str, where: str) -> Ds1000Problem:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise ValueError(f"ds1000: {where} is no JSON ({error}); fetch the file again.") from error
    try:
        meta = row["metadata"]
        return Ds1000Problem(
            problem_id=_typed(meta["problem_id"], int),
            library=_typed(meta["library"], str),
            perturbation=_typed(meta["perturbation_type"], str),
            prompt=_typed(row["prompt"], str),
            reference=_typed(row["reference_code"], str),
            context=_typed(row["code_context"], str),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"ds1000: {where} is not DS-1000's ({type(error).__name__}: {error}); expected prompt, "
            "reference_code, code_context and metadata with problem_id, library and "
            "perturbation_type."
        ) from error


def _typed(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise TypeError(f"got {type(value).__name__}, expected {kind.__name__}")
    return value
